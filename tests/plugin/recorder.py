"""A plugin for the sessions under test: writes down everything that reaches reporters.

Each entry is one line of JSON in the file that ``REPORT_STREAM`` names. In a distributed session
only the controller writes. The write is made of the plainest system calls, kept from the start,
because the tests that run meanwhile patch whatever they like.
"""

from __future__ import annotations

import json
import os
import re

import pytest

_ADDRESS = re.compile(r"0x[0-9a-f]+|\[gw\d+\]")
#: Of a group of errors pytest prints every frame, its own and its plugins' ones too.
_FRAMES = re.compile(r"(?m)^[ |]* {2}(File \".*|  .*)\n")
_open, _write, _close, _environ, _dumps = os.open, os.write, os.close, os.environ, json.dumps
_target = _environ["REPORT_STREAM"]


def _scrub(text: str) -> str:
    if "Exception Group Traceback" in text:
        text = _FRAMES.sub("", text)
    return _ADDRESS.sub("0x", text)


def _record(**entry: object) -> None:
    number = _open(_target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    _write(number, (_dumps(entry) + "\n").encode())
    _close(number)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(), "recorder-of-reports")


class Recorder:
    def pytest_runtest_logstart(self, nodeid: str, location: object) -> None:
        _record(event="logstart", nodeid=nodeid, location=location)

    def pytest_runtest_logfinish(self, nodeid: str, location: object) -> None:
        _record(event="logfinish", nodeid=nodeid, location=location)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        _record(
            event="report",
            kind=type(report).__name__,
            nodeid=report.nodeid,
            when=report.when,
            outcome=report.outcome,
            wasxfail=getattr(report, "wasxfail", None),
            rerun=getattr(report, "rerun", None),
            location=report.location,
            keywords=sorted(report.keywords),
            sections=[(title, _scrub(text)) for title, text in report.sections],
            properties=[
                [name, value]
                for name, value in report.user_properties
                if not name.startswith("leak_")
            ],
            longrepr=_scrub(report.longreprtext),
            crash=_scrub(str(getattr(getattr(report.longrepr, "reprcrash", None), "message", ""))),
        )

    def pytest_exception_interact(self, call: pytest.CallInfo, report: object) -> None:
        _record(
            event="exception_interact",
            nodeid=getattr(report, "nodeid", ""),
            when=call.when,
            error=type(call.excinfo.value).__name__ if call.excinfo else None,
        )

    def pytest_warning_recorded(
        self, warning_message: object, when: str, nodeid: str, location: object
    ) -> None:
        del location
        message = str(getattr(warning_message, "message", ""))
        _record(event="warning", nodeid=nodeid, when=when, message=message)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo) -> None:
        _record(event="keyboard_interrupt", error=excinfo.typename)

    def pytest_internalerror(self, excrepr: object) -> None:
        _record(event="internal_error", text=str(excrepr)[-2000:])

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        _record(
            event="sessionfinish",
            exitstatus=int(exitstatus),
            failed=session.testsfailed,
            collected=session.testscollected,
        )
