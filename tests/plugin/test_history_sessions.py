"""Do sessions add themselves to a history: whole, once, and whoever else does at the same time?"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
from suites import ONE_LEAK

_CLEAN = "def test_it(): pass\n"


@pytest.fixture
def history(lab) -> Callable[[str], list[tuple[object, ...]]]:
    """Ask the history of a session under test."""

    def ask(question: str, name: str = "leaks.db") -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(f"file:{lab.path / name}?mode=rw", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert not connection.execute("PRAGMA foreign_key_check").fetchall()
            return connection.execute(question).fetchall()

    return ask


@pytest.fixture
def checked(lab):
    def run(*options: str, plugins: tuple[str, ...] = ()):
        given = ("--leak-confirm=1 s", "--leak-history=leaks.db", *options)
        return lab.checked(*given, plugins=plugins)

    return run


@pytest.fixture
def git(lab, git_in):
    """Run git where the tests are."""
    return git_in(lab.path)


@pytest.mark.parametrize("plugins", [(), ("xdist",)], ids=["plain", "xdist"])
def test_a_session_is_kept_with_what_git_says(checked, lab, history, git, plugins):
    options = ("-n2",) if plugins else ()
    lab.write({"test_it.py": ONE_LEAK, "pytest.ini": "[pytest]\n"})
    git("init", "-q", "-b", "main")
    assert checked(*options, plugins=plugins).ret == 1
    git("add", "test_it.py")
    git("commit", "-q", "-m", "all")
    assert checked(*options, plugins=plugins).ret == 1
    lab.write({"test_it.py": ONE_LEAK + "\n"})
    began = datetime.now(timezone.utc).replace(microsecond=0)
    assert checked(*options, plugins=plugins).ret == 1

    commit = git("rev-parse", "HEAD")
    session = "SELECT commit_name, branch, dirty, mode, whole FROM session"
    assert history(session) == [
        ("", "", None, "all", 1),
        (commit, "main", 0, "all", 1),
        (commit, "main", 1, "all", 1),
    ]
    ((time,),) = history("SELECT time FROM session WHERE id = 3")
    assert (
        began.replace(microsecond=0) <= datetime.fromisoformat(time) <= datetime.now(timezone.utc)
    )
    report = lab.json()
    tests = {test["nodeid"]: test for test in report["tests"]}
    ((executions, python),) = history("SELECT executions, python FROM session WHERE id = 3")
    assert (executions, python) == (
        report["session"]["executions"],
        report["session"]["python"],
    )
    judged = "FROM judgement JOIN test ON test = test.id WHERE session = 3"
    for nodeid, verdict, runs in history(f"SELECT nodeid, verdict, executions {judged}"):
        assert (verdict, runs) == (tests[nodeid]["verdict"], tests[nodeid]["executions"])
    assert history(f"SELECT count(*) {judged}") == [(2,)]
    leaking = tests["test_it.py::test_leaks"]
    growth = {name: value for name, value in leaking["growth"].items() if value != 0}
    kept = "SELECT counter, per_run FROM growth JOIN test ON test = test.id WHERE session = 3"
    assert dict(history(f"{kept} AND nodeid = 'test_it.py::test_leaks'")) == growth
    (found,) = leaking["findings"]
    columns = "fingerprint, type, holder, pattern, status, objects_per_run, bytes_per_run"
    assert history(f"SELECT {columns} FROM finding WHERE session = 3") == [
        tuple(found[name] for name in columns.split(", "))
    ]


def test_without_a_repository_the_session_goes_on(checked, lab, history, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(lab.path.parent))
    lab.write({"test_it.py": _CLEAN})

    assert checked().ret == 0
    monkeypatch.setenv("PATH", str(lab.path))
    assert checked().ret == 0

    assert history("SELECT commit_name, branch, dirty FROM session") == [("", "", None)] * 2


def test_marked_tests_are_kept_and_a_session_that_judges_nothing_is_not(lab, history):
    lab.write({"test_it.py": _CLEAN})
    assert lab.pytest("--leak-history=leaks.db").ret == 0
    assert lab.pytest("--leak-history=leaks.db", "--leak-check", "--leak-budget=0").ret == 0
    assert not (lab.path / "leaks.db").exists()
    lab.write({"test_it.py": f"import pytest\npytestmark = pytest.mark.noleak\n{_CLEAN}"})
    assert lab.pytest("--leak-history=leaks.db", "--leak-mode=off").ret == 0
    assert not (lab.path / "leaks.db").exists()

    assert lab.pytest("--leak-history=leaks.db").ret == 0

    assert history("SELECT mode FROM session") == [("marked",)]
    assert history("SELECT verdict FROM judgement") == [("clean",)]


def test_part_of_a_suite_is_kept_as_such(checked, lab, history):
    lab.write({"test_it.py": ONE_LEAK})

    assert checked("-k", "clean").ret == 0

    assert history("SELECT whole FROM session") == [(0,)]


def test_a_path_begins_where_it_was_given(lab, history, monkeypatch):
    suite = f"import pytest\npytestmark = pytest.mark.noleak\n{_CLEAN}"
    ini = "[pytest]\nleak_history = by-ini.db\n"
    lab.write({"below/test_it.py": suite, "pytest.ini": ini})
    paths = [str(lab.path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.chdir(lab.path / "below")

    assert lab.pytest().ret == 0
    assert lab.pytest("--leak-history=new/by-option.db").ret == 0

    for name in ("by-ini.db", "below/new/by-option.db"):
        assert history("SELECT count(*) FROM session", name) == [(1,)]


def test_sessions_at_the_same_time_are_all_kept(lab, history):
    lab.write({"test_it.py": _CLEAN})
    command = [sys.executable, "-m", "pytest", "-p", "leakguard", "-p", "no:cacheprovider"]
    options = ["--leak-check", "--leak-history=leaks.db", "test_it.py"]
    sessions = [
        subprocess.Popen([*command, *options], cwd=lab.path, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    for session in sessions:
        said, _ = session.communicate(timeout=100)
        assert session.returncode == 0, said

    assert history("SELECT id FROM session") == [(1,), (2,), (3,)]


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _corrupt(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)


def _other(path: Path) -> None:
    path.write_text("not a database\n" * 100, encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_newer, "its version is 99, and this pytest-leakguard knows version 1; a newer one is"),
        (_corrupt, "malformed|damaged"),
        (_other, "file is not a database"),
    ],
)
def test_another_file_is_refused_before_any_test_and_stays_as_it_is(checked, lab, spoil, said):
    lab.write({"test_it.py": _CLEAN})
    assert checked().ret == 0
    spoil(lab.path / "leaks.db")
    before = (lab.path / "leaks.db").read_bytes()
    lab.write({"test_it.py": "import pathlib\npathlib.Path('ran').touch()\n"})

    session = checked()

    assert session.ret == 4
    expected = r"--leak-history: expected a history, or a path where there is nothing yet \(.*"
    session.result.stderr.re_match_lines([f"ERROR: {expected}({said}).*leaks.db'\\)"])
    assert not (lab.path / "ran").exists()
    assert (lab.path / "leaks.db").read_bytes() == before


@pytest.mark.parametrize(
    "path",
    [
        ".",
        "test_it.py/leaks.db",
        pytest.param(
            "/proc/leaks.db",  # where not even root may
            marks=pytest.mark.skipif(not Path("/proc/self").exists(), reason="has no /proc"),
        ),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_before_any_test(lab, path):
    lab.write({"test_it.py": "import pathlib\npathlib.Path('ran').touch()\n"})

    session = lab.checked(f"--leak-history={path}")

    assert session.ret == 4
    assert "--leak-history: expected a path that can be written" in session.err
    assert not (lab.path / "ran").exists()


def test_a_history_that_cannot_be_written_at_the_end_fails_the_session(checked, lab):
    in_the_way = """
import pathlib, pytest
@pytest.fixture(scope="session", autouse=True)
def in_the_way():
    yield
    pathlib.Path("leaks.db").mkdir()
"""
    lab.write({"test_it.py": in_the_way + _CLEAN})

    session = checked()

    assert session.ret == 1
    assert session.result.parseoutcomes() == {"passed": 1}
    assert "leak check failed: the history leaks.db could not be written: not a file" in session.raw
    assert "INTERNALERROR" not in session.raw
    assert lab.verdicts() == {"test_it": "clean"}


#: Does something to a session's connection while it writes; "much" does not fit into its cache.
_MEDDLES = """
import functools, os, signal, sqlite3

class Meddled(sqlite3.Connection):
    def execute(self, statement, *values):
        if statement.startswith("INSERT INTO judgement"):
            much = "INSERT INTO test (nodeid) VALUES (hex(zeroblob(3000000)))"
            {deed}
        return super().execute(statement, *values)

sqlite3.connect = functools.partial(sqlite3.connect, factory=Meddled)
"""


def test_a_session_that_is_killed_while_it_writes_leaves_nothing(checked, lab, history):
    lab.write({"test_it.py": ONE_LEAK})
    assert checked().ret == 1
    before = (lab.path / "leaks.db").stat().st_size
    deed = "super().execute(much); os.kill(os.getpid(), signal.SIGKILL)"
    lab.write({"conftest.py": _MEDDLES.format(deed=deed)})

    session = checked()

    assert session.ret == -signal.SIGKILL
    assert (lab.path / "leaks.db").stat().st_size > before  # it was half written
    assert (lab.path / "leaks.db-journal").exists()
    assert history("SELECT id FROM session") == [(1,)]
    assert history("SELECT count(*) FROM test") == [(2,)]
    (lab.path / "conftest.py").unlink()
    assert checked().ret == 1
    assert history("SELECT session, count(*) FROM judgement GROUP BY session") == [(1, 2), (2, 2)]


def test_the_first_session_of_all_may_be_killed_too(checked, lab, history):
    deed = "super().execute(much); os.kill(os.getpid(), signal.SIGKILL)"
    lab.write({"test_it.py": _CLEAN, "conftest.py": _MEDDLES.format(deed=deed)})
    assert checked().ret == -signal.SIGKILL
    assert (lab.path / "leaks.db").stat().st_size > 0
    (lab.path / "conftest.py").unlink()

    assert checked().ret == 0

    assert history("SELECT session, count(*) FROM judgement GROUP BY session") == [(1, 1)]


def test_a_disk_that_is_full_fails_the_session_and_leaves_nothing_of_it(checked, lab, history):
    lab.write({"test_it.py": _CLEAN})
    assert checked().ret == 0
    deed = "super().execute('PRAGMA max_page_count = 1'); super().execute(much)"
    lab.write({"conftest.py": _MEDDLES.format(deed=deed)})

    session = checked()

    assert session.ret == 1
    said = "leak check failed: the history leaks.db could not be written: database or disk is full"
    assert said in session.raw
    assert history("SELECT count(*) FROM test") == [(1,)]
    assert history("SELECT id FROM session") == [(1,)]
