"""Sessions under test: pytest in a subprocess, with and without the plugin, and its reports."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from compatibility.tables import note_rows, write_interpreter, write_tables

import pytest_leakguard.reports

_SCHEMA = json.loads(
    Path(pytest_leakguard.reports.__file__).with_name("schema.json").read_text(encoding="utf-8")
)
_RECORDER = Path(__file__).with_name("recorder.py").read_text(encoding="utf-8")
#: A debug build looks after itself at each step.
_TIMEOUT_SECONDS = 900 if hasattr(sys, "gettotalrefcount") else 120
_SCRUBBED: tuple[tuple[str, str], ...] = (
    (r"\b\d+(\.\d+)?s\b", "#s"),
    (r"\b\d+:\d\d:\d\d\b", "(time)"),
    (r"0x[0-9a-f]+", "0x"),
    (r"=+( .* in #s.*?) =+", r"=\1 ="),
    (r"-{3,} leak check -{3,}\n(?s:.*?)leak check: [^\n]*\n", ""),
    (r"(?m)^leakguard: .*\n", ""),
    (r"(?m)^plugins: .*\n", ""),
    (r"(?m)^[ |]*File \".*\n([ |]*  .*\n)*", ""),  # tracebacks of pytest itself have our frames too
)


def scrub(text: str) -> str:
    """Take out of a session's output what differs between any two runs, and our own lines."""
    for pattern, replacement in _SCRUBBED:
        text = re.sub(pattern, replacement, text)
    return text


@dataclass(frozen=True)
class Session:
    """One session under test that has ended.

    Attributes:
        ret: Its exit code.
        out: What it printed, scrubbed.
        err: What it printed to standard error, scrubbed.
        raw: What it printed, as it was.
        stream: Everything that reached its reporters, in order.
        result: pytester's own view of it.
    """

    ret: int
    out: str
    err: str
    raw: str
    stream: list[dict[str, Any]]
    result: pytest.RunResult

    @property
    def reports(self) -> list[tuple[str, str, str]]:
        """Test name, phase and outcome of each report."""
        return [
            (entry["nodeid"].rpartition("::")[2], entry["when"], entry["outcome"])
            for entry in self.stream
            if entry["event"] == "report"
        ]

    @property
    def summary(self) -> str:
        """The line ``leak check: …``; empty when there is none."""
        found = re.search(r"(?m)^leak check: .*$", self.raw)
        return found.group() if found else ""

    def by_test(self) -> dict[str, list[dict[str, Any]]]:
        """The stream of each test, for sessions in which tests run side by side."""
        streams: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in self.stream:
            streams[entry.get("nodeid", "")].append(entry)
        return dict(streams)


class Lab:
    """A directory with test files, in which sessions run.

    Attributes:
        path: The directory.
        subtests: The plugin that brings subtests; pytest 9 has them built in.
    """

    subtests = () if int(pytest.__version__.partition(".")[0]) >= 9 else ("subtests",)

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self._monkeypatch = monkeypatch
        self.path = pytester.path
        # Only what a test names is loaded, so that sessions start fast and see the same plugins.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("COLUMNS", "100")
        pytester.makepyfile(recorder=_RECORDER)

    def write(self, files: Mapping[str, str]) -> None:
        """Write files: relative path to text."""
        for name, text in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.lstrip("\n"), encoding="utf-8")

    def pytest(self, *args: str, plugins: tuple[str, ...] = ("leakguard",)) -> Session:
        """Run pytest in a subprocess, with the recorder."""
        stream = self.path / "stream.jsonl"
        stream.unlink(missing_ok=True)
        self._monkeypatch.setenv("REPORT_STREAM", str(stream))
        loaded = [word for plugin in ("recorder", *plugins) for word in ("-p", plugin)]
        result = self.pytester.runpytest_subprocess(*loaded, *args, timeout=_TIMEOUT_SECONDS)
        lines = stream.read_text(encoding="utf-8").splitlines() if stream.exists() else []
        raw = result.stdout.str() + "\n"
        return Session(
            ret=int(result.ret),
            out=scrub(raw),
            err=scrub(result.stderr.str()),
            raw=raw,
            stream=[json.loads(line) for line in lines],
            result=result,
        )

    def plain(self, *args: str, plugins: tuple[str, ...] = ()) -> Session:
        """Run a session without the plugin."""
        self.forget()
        return self.pytest(*args, plugins=plugins)

    def checked(self, *args: str, plugins: tuple[str, ...] = ()) -> Session:
        """Run a session in which every test is checked."""
        self.forget()
        return self.check_again(*args, plugins=plugins)

    def check_again(self, *args: str, plugins: tuple[str, ...] = ()) -> Session:
        """Run a further session in which every test is checked, with what the last one has left."""
        report = self.path / "leaks.json"
        report.unlink(missing_ok=True)
        options = ("--leak-check", f"--leak-report=json:{report}")
        return self.pytest(*options, *args, plugins=("leakguard", *plugins))

    def forget(self) -> None:
        """Remove what an earlier session has left for later ones."""
        for cache in (".pytest_cache", "cache"):
            shutil.rmtree(self.path / cache, ignore_errors=True)

    def json(self, name: str = "leaks.json") -> dict[str, Any]:
        """Read a JSON report, which must be valid by its schema."""
        document: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        jsonschema.validate(document, _SCHEMA)
        return document

    def rerun(self) -> list[str]:
        """Name the tests that the last checked session has run again."""
        return [
            test["nodeid"].rpartition("::")[2]
            for test in self.json()["tests"]
            if test["executions"] > 1
        ]

    def verdicts(self, name: str = "leaks.json") -> dict[str, str]:
        """Read the verdicts of a JSON report, by test name."""
        return {
            test["nodeid"].rpartition("::")[2]: test["verdict"] for test in self.json(name)["tests"]
        }

    def grounds(self) -> str:
        """Say what the verdicts of the last checked session rest on, for a failing assertion."""
        lines = []
        for test in self.json()["tests"]:
            moved = {name: row for name, row in test["series"].items() if len(set(row)) > 1}
            lines.append(f"{test['nodeid']}: {test['verdict']}: {test['reason']} {moved}")
        return "\n".join(lines)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tables of the documentation")
    group.addoption("--write-tables", type=Path, metavar="DIR", help="what was tried, all but ...")
    group.addoption("--write-interpreter", type=Path, metavar="PATH", help="... this interpreter")


def pytest_configure(config: pytest.Config) -> None:
    told = "row(section, *names, difference=''): what a test tries of the tables of compatibility"
    config.addinivalue_line("markers", told)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    note_rows(items)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for option, write in (
        ("--write-tables", write_tables),
        ("--write-interpreter", write_interpreter),
    ):
        if (path := config.getoption(option)) is not None:
            write(path, terminalreporter.stats)


@pytest.fixture
def lab(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A directory of its own for sessions under test."""
    return Lab(pytester, monkeypatch)
