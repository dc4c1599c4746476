"""In which order do first run, re-runs, verdict and reports happen for one test?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from _pytest.logging import caplog_records_key  # deleted by each tear-down, needed by the next
from _pytest.runner import check_interactive_exception, get_reraise_exceptions

from pytest_leakguard.plugin.gate import Gate


def finish(gate: Gate, item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let the held reports out, and tear down what the first run was kept from tearing down.

    Args:
        gate: Holds the first run's reports; the call report has its final outcome by now.
        item: The test.
        nextitem: The test that really comes next.
    """
    later = gate.take_teardown()
    gate.release()
    session = item.session
    # As pytest itself does: a session that is about to stop tears everything down at once.
    following = None if session.shouldfail or session.shouldstop else nextitem
    if not gate.narrowed or not _has_more_to_tear_down(session, following):
        for let_through in later:
            let_through()
        return
    first = gate.reports["teardown"]
    report, call = _tear_down(gate, item, following)
    merged = _merge(first, report) if later or first.failed else report
    _replace_report(gate, item, first, merged, later)
    if check_interactive_exception(call, merged):
        item.ihook.pytest_exception_interact(node=item, call=call, report=merged)


def _has_more_to_tear_down(session: pytest.Session, nextitem: pytest.Item | None) -> bool:
    standing = list(session._setupstate.stack)
    needed = nextitem.listchain() if nextitem is not None else []
    return bool(standing) and standing != needed[: len(standing)]


def _tear_down(
    gate: Gate, item: pytest.Item, nextitem: pytest.Item | None
) -> tuple[pytest.TestReport, pytest.CallInfo[None]]:
    error = gate.teardown_error

    def wider() -> None:
        try:
            item.ihook.pytest_runtest_teardown(item=item, nextitem=nextitem)
        except BaseException as further:
            if error is None or not isinstance(further, Exception):
                raise
            raise _group([further, error]) from None
        if error is not None:
            raise error

    gate.narrowed = False
    item.stash[caplog_records_key] = {}
    gate.__exit__(None, None, None)  # these reports are the first run's own
    call = pytest.CallInfo.from_call(
        wider, when="teardown", reraise=get_reraise_exceptions(item.config)
    )
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report, call


def _group(errors: list[BaseException]) -> BaseException:
    import sys

    if sys.version_info >= (3, 11):
        return BaseExceptionGroup("errors during test teardown", errors)
    from exceptiongroup import BaseExceptionGroup as Backport

    return Backport("errors during test teardown", errors)


def _merge(first: pytest.TestReport, wider: pytest.TestReport) -> pytest.TestReport:
    """Make one tear-down report of two, as if they had been one tear-down."""
    for name, value in vars(first).items():
        vars(wider).setdefault(name, value)
    wider.duration += first.duration
    wider.start = first.start
    sections: dict[str, str] = {}
    for title, text in wider.sections:
        joint = "\n" if title.startswith("Captured log") and title in sections else ""
        sections[title] = sections.get(title, "") + joint + text
    wider.sections = list(sections.items())
    return wider


def _replace_report(
    gate: Gate,
    item: pytest.Item,
    first: pytest.TestReport,
    merged: pytest.TestReport,
    later: list[Callable[[], object]],
) -> None:
    """Log the merged report in the place of the first one."""
    del gate, first
    item.ihook.pytest_runtest_logreport(report=merged)
    for let_through in later[1:]:
        let_through()


def fail(report: pytest.TestReport, path: str, line: int, sentence: str, text: str) -> None:
    """Turn a passed call report into a failure that reads like any other.

    Args:
        report: The report.
        path: The file that the failure is shown at.
        line: The line in it, from 1.
        sentence: One sentence, for short summaries and JUnit messages.
        text: The whole text.
    """
    from _pytest._code.code import (
        ExceptionChainRepr,
        ReprEntryNative,
        ReprFileLocation,
        ReprTraceback,
    )

    crash = ReprFileLocation(path=path, lineno=line, message=sentence)
    lines = [f"{text}\n"]
    traceback = ReprTraceback(
        reprentries=[ReprEntryNative(lines)], extraline=None, style="native"
    )
    longrepr: Any = ExceptionChainRepr([(traceback, crash, None)])
    report.outcome = "failed"
    report.longrepr = longrepr
