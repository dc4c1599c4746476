"""Do sessions save snapshots of what leaks, and of themselves when they are stuck?"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from suites import ONE_LEAK

from pytest_leakguard.cli import main
from pytest_leakguard.snapshots.comparing import compare, runs_between
from pytest_leakguard.snapshots.reading import read

#: Says that it is stuck, and in which process, and is so until somebody writes to it.
_STUCK = """
import os

def test_is_stuck():
    kept = [Stuck() for _ in range(7)]
    with open("stuck", "w") as pipe:
        pipe.write(str(os.getpid()))
    with open("go") as pipe:
        pipe.read()

class Stuck:
    pass
"""
_ONCE = """
import os, pytest, signal

runs = []

@pytest.mark.noleak
def test_is_looked_at():
    runs.append([])
    if len(runs) == 3:
        os.kill(os.getpid(), signal.SIGUSR2)
"""
_HANDLES = """
import signal

def own(*_):
    pass

def pytest_configure(config):
    signal.signal(signal.SIGUSR2, own)

def pytest_unconfigure(config):
    print("own handler:", signal.getsignal(signal.SIGUSR2) is own)
"""
needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGUSR2"), reason="signals are of POSIX")


def files(lab, name: str = "snaps") -> list[Path]:
    directory = lab.path / name
    return sorted(directory.iterdir()) if directory.exists() else []


@pytest.fixture
def checked(lab):
    def run(*options: str, plugins: tuple[str, ...] = ()):
        given = ("--leak-confirm=1 s", "--leak-snapshots=snaps", *options)
        return lab.checked(*given, plugins=plugins)

    return run


@pytest.mark.parametrize(
    ("options", "plugins"),
    [
        ((), ()),
        (("-n", "2"), ("xdist",)),
        (("--leak-isolate",), ()),
        (("-p", "no:terminal"), ()),
    ],
    ids=["plain", "xdist", "isolated", "silent"],
)
def test_a_leak_has_a_pair_that_is_told_of(lab, checked, capsys, options, plugins):
    lab.write({"test_a.py": ONE_LEAK})
    session = checked(*options, plugins=plugins)

    by_name = {test["nodeid"].rpartition("::")[2]: test for test in lab.json()["tests"]}
    before, after = (lab.path / file for file in by_name["test_leaks"]["snapshots"])
    first, second = read(before), read(after)
    runs = runs_between(first.header, second.header)
    (grown,) = compare(first, second, "type", limit=1, order="count").shown
    assert sorted([before, after]) == files(lab)
    assert (grown.what, grown.count_more) == ("test_a.Document", runs)
    assert first.header.test == "test_a.py::test_leaks"
    assert first.header.worker in ({"gw0", "gw1"} if plugins else {""})
    assert by_name["test_is_clean"]["snapshots"] == []
    if "no:terminal" not in options:
        told = (
            f"snapshots: test_a.py::test_leaks: python -m pytest_leakguard compare {before} {after}"
        )
        assert told in session.raw
    assert main(["compare", str(before), str(after)]) == 0
    assert "test_a.py:7" in capsys.readouterr().out


def test_a_sound_session_saves_nothing(lab, checked):
    lab.write({"test_a.py": "def test_it(): pass\n"})

    assert checked().ret == 0
    assert files(lab) == []


def test_what_only_follows_from_earlier_tests_leaves_none(lab, checked):
    lab.write(
        {
            "test_a.py": """
            made = []

            def test_first():
                made.append([])

            def test_victim():
                if made:
                    made.append([])
            """.replace("\n            ", "\n")
        }
    )
    checked("--leak-known=none", "--leak-update-known")

    entries = {test["nodeid"].rpartition("::")[2]: test for test in lab.json()["tests"]}
    assert entries["test_victim"]["only_after"]
    assert entries["test_victim"]["snapshots"] == []
    assert len(files(lab)) == 2


def test_a_session_keeps_only_the_latest(lab, checked):
    lab.write({f"test_{name}.py": ONE_LEAK for name in "abc"})
    session = checked("--leak-snapshots-keep=1")

    told = {test["nodeid"]: len(test["snapshots"]) for test in lab.json()["tests"]}
    assert {read(file).header.test for file in files(lab)} == {"test_c.py::test_leaks"}
    assert {nodeid for nodeid, number in told.items() if number} == {"test_c.py::test_leaks"}
    assert "snapshots: none of 2 tests: removed to make room for later ones" in session.raw


def test_a_full_or_lost_directory_is_told_and_the_verdict_stays(lab, checked):
    lab.write(
        {
            "test_a.py": ONE_LEAK,
            "conftest.py": """
                import pathlib

                def pytest_collection_finish(session):
                    pathlib.Path("snaps").rmdir()
                    pathlib.Path("snaps").touch()
                """.replace("\n                ", "\n"),
        }
    )
    session = checked()

    assert lab.verdicts()["test_leaks"] == "leak"
    assert "snapshots: none of 1 test: they could not be written: File exists" in session.raw


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--leak-snapshots=test_a.py", "--leak-snapshots: expected a path that can be written"),
        ("--leak-snapshots-keep=0", "--leak-snapshots-keep: expected a whole number of at least 1"),
        ("--leak-snapshots-age=0", "--leak-snapshots-age: expected a time above 0"),
        ("--leak-snapshots-age=1 month", "--leak-snapshots-age: expected a time such as"),
        ("--leak-snapshots-signal=SIGKILL", "expected one of SIGUSR1, SIGUSR2, SIGHUP, SIGQUIT, n"),
        ("--leak-snapshots-signal=12", "--leak-snapshots-signal: expected one of SIGUSR1"),
    ],
)
@needs_signals
def test_misuse_ends_the_session_before_the_first_test(lab, option, said):
    lab.write({"test_a.py": ONE_LEAK})
    session = lab.pytest("--leak-snapshots=snaps", option)

    assert session.ret == 4
    assert said in session.err


def test_an_ini_file_may_say_it(lab):
    lab.write(
        {
            "pytest.ini": "[pytest]\nleak_snapshots = snaps\nleak_snapshots_keep = 3\n"
            "leak_snapshots_age = 24 h\nleak_snapshots_signal = none\n",
            "sub/test_a.py": ONE_LEAK,
        }
    )
    session = lab.checked("--leak-confirm=1 s", "sub")

    assert len(files(lab)) == 2
    assert "leakguard: snapshots in snaps; no signal takes one" in session.raw


@contextmanager
def stuck(lab, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Have a session stuck in a test; yields it, and the process in which the test runs."""
    lab.write({"test_a.py": _STUCK})
    for name in ("stuck", "go"):
        os.mkfifo(lab.path / name)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "leakguard",
        "--leak-snapshots=snaps",
        *options,
    ]
    with subprocess.Popen(
        command, cwd=lab.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as session:
        try:
            with open(lab.path / "stuck", encoding="ascii") as pipe:
                pid = int(pipe.read())
            yield session, pid
        finally:
            session.kill()


@needs_signals
@pytest.mark.parametrize("capture", ["fd", "no"])
@pytest.mark.parametrize("plugins", [(), ("-p", "xdist", "-n", "2")], ids=["plain", "xdist"])
def test_a_stuck_session_is_looked_at_by_a_signal(lab, plugins, capture):
    with stuck(lab, f"--capture={capture}", *plugins) as (session, pid):
        os.kill(pid, signal.SIGUSR2)
        told = session.stderr.readline()
        with open(lab.path / "go", "w", encoding="ascii"):
            pass
        out, _ = session.communicate(timeout=60)

    (file,) = files(lab)
    snapshot = read(file)
    names = [snapshot.tables.names[name] for name in snapshot.tables.type_names]
    count = dict(zip(names, snapshot.tables.type_counts, strict=True))
    assert told == (
        f"leakguard: snapshot saved in {file} (without traces: -X tracemalloc=10 has them)\n"
    )
    assert session.returncode == 0, out
    assert count["test_a.Stuck"] == 7
    assert (snapshot.header.test, snapshot.header.pid) == ("test_a.py::test_is_stuck", pid)
    assert bool(snapshot.header.worker) == bool(plugins)
    assert snapshot.header.figures["fds"] > 0
    assert "resident_bytes" in snapshot.header.figures or sys.platform != "linux"


@needs_signals
def test_a_session_that_is_traced_has_traces(lab, monkeypatch):
    monkeypatch.setenv("PYTHONTRACEMALLOC", "3")
    with stuck(lab) as (session, pid):
        os.kill(pid, signal.SIGUSR2)
        told = session.stderr.readline()

    tables = read(files(lab)[0]).tables
    lines = {
        (Path(tables.names[tables.frame_files[frame]]).name, tables.frame_lines[frame])
        for frame in tables.frames
    }
    assert told.endswith(".leaksnap\n")
    assert ("test_a.py", 4) in lines


@needs_signals
def test_one_during_re_runs_leaves_the_test_unjudged(lab):
    lab.write({"test_a.py": _ONCE})
    session = lab.pytest("--leak-snapshots=snaps", "--leak-confirm=1 s")

    (file,) = files(lab)
    assert session.ret == 1
    assert "leak check inconclusive: a signal had a snapshot taken" in session.raw
    assert f"snapshot taken by a signal: {file}" in session.raw


@needs_signals
def test_a_handler_of_the_users_own_stays(lab):
    lab.write({"conftest.py": _HANDLES, "test_a.py": "def test_it(): pass\n"})
    session = lab.pytest("--leak-snapshots=snaps", "-s")

    assert "SIGUSR2 has a handler already, which stays" in session.raw
    assert "own handler: True" in session.raw


@needs_signals
def test_without_the_option_no_signal_is_handled_and_nothing_imported(lab):
    test = """
        import signal, sys

        def test_it():
            assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
            assert not [name for name in sys.modules if "leakguard.snapshots" in name]
        """
    lab.write({"test_a.py": test.replace("\n        ", "\n")})

    assert lab.pytest().ret == 0


@needs_signals
def test_the_signal_is_given_back_at_the_end(lab):
    code = (
        "import pytest, signal\n"
        "pytest.main(['-p', 'leakguard', '--leak-snapshots=snaps', 'test_a.py'])\n"
        "print('given back:', signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL)\n"
    )
    test = """
        import signal

        def test_it():
            assert callable(signal.getsignal(signal.SIGUSR2))
        """
    lab.write({"test_a.py": test.replace("\n        ", "\n")})
    done = lab.pytester.run(sys.executable, "-c", code)

    assert re.search("1 passed", done.stdout.str())
    assert "given back: True" in done.stdout.str()
