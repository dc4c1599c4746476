"""Does a leak stop, order and interrupt sessions like any failure, and a re-run's failure never?"""

from __future__ import annotations

import sys

import pytest

_SUITE = """
import pytest

kept = []

def test_sound():
    pass

def test_leaks():
    kept.append([1])

def test_leaks_too():
    kept.append([2])

def test_last():
    pass
"""


def calls(session):
    return [(name, outcome) for name, when, outcome in session.reports if when == "call"]


@pytest.mark.row("options", "`--maxfail`")
def test_leaks_are_counted_as_failures(lab):
    lab.write({"test_it.py": _SUITE})

    session = lab.checked("--maxfail=2", "--leak-confirm=1 s")

    assert calls(session) == [
        ("test_sound", "passed"),
        ("test_leaks", "failed"),
        ("test_leaks_too", "failed"),
    ]
    assert "stopping after 2 failures" in session.raw


@pytest.mark.row("options", "`--sw`", "`--ff`, `--nf`")
def test_the_next_session_begins_with_the_leak(lab):
    lab.write({"test_it.py": _SUITE})
    confirm = ("--leak-confirm=1 s", "--deselect=test_it.py::test_leaks_too")

    stopped = lab.checked("--sw", *confirm)
    continued = lab.check_again("--sw", *confirm)
    ordered = lab.check_again("--ff", *confirm)

    assert calls(stopped) == [("test_sound", "passed"), ("test_leaks", "failed")]
    assert calls(continued) == [("test_leaks", "failed")]
    assert calls(ordered) == [
        ("test_leaks", "failed"),
        ("test_sound", "passed"),
        ("test_last", "passed"),
    ]


@pytest.mark.row(
    "options",
    "`--pdb`",
    difference="a leak fails without the debugger: there is no line of the test to stop at",
)
def test_the_debugger_is_entered_for_failures_of_first_runs_only(lab):
    lab.write(
        {
            "test_it.py": """
kept, runs = [], []

def test_fails():
    assert kept, "fails as ever"

def test_leaks():
    kept.append([1])

def test_fails_later():
    runs.append(1)
    assert len(runs) < 2

def test_last():
    pass
""",
        }
    )
    report = "--leak-report=json:leaks.json"

    session = lab.pytester.run(
        *(sys.executable, "-m", "pytest", "-p", "leakguard", "--leak-check", "--pdb", report),
        "--leak-confirm=1 s",
        stdin=b"p 'the user', kept\nc\n",
    )
    text = session.stdout.str()

    assert text.count("entering PDB") == 1
    assert "('the user', [])" in text
    session.assert_outcomes(failed=2, passed=2)
    assert lab.verdicts() == {
        "test_fails": "unchecked",
        "test_leaks": "leak",
        "test_fails_later": "inconclusive",
        "test_last": "clean",
    }
    assert "held by    test_it.kept -> list" in text


def test_a_worker_that_crashes_loses_only_its_own_tests(lab):
    lab.write(
        {
            "test_crash.py": """
import os

def test_before():
    pass

def test_crashes():
    os._exit(3)

def test_after():
    pass
""",
            "test_it.py": _SUITE,
        }
    )

    plain = lab.plain("-n2", plugins=("xdist",))
    checked = lab.checked("-n2", "--leak-confirm=1 s", plugins=("xdist",))
    verdicts = lab.verdicts()
    plain_calls = dict(calls(plain))

    assert sorted(calls(checked)) == sorted(
        {**plain_calls, "test_leaks": "failed", "test_leaks_too": "failed"}.items()
    )
    assert "crashed while running 'test_crash.py::test_crashes'" in checked.raw
    assert verdicts.pop("test_crashes") == "unchecked"
    assert verdicts == {
        "test_before": "clean",
        "test_after": "clean",
        "test_sound": "clean",
        "test_leaks": "leak",
        "test_leaks_too": "leak",
        "test_last": "clean",
    }
    assert checked.ret == plain.ret == pytest.ExitCode.TESTS_FAILED


def test_a_worker_that_a_re_run_crashes_loses_only_that_test(lab):
    lab.write(
        {
            "test_crash.py": """
import os

runs = []

def test_before():
    pass

def test_crashes_later():
    runs.append(1)
    if len(runs) > 1:
        os._exit(3)

def test_after():
    pass
""",
            "test_it.py": "def test_sound():\n    pass\n",
        }
    )

    session = lab.checked("-n2", plugins=("xdist",))
    verdicts = lab.verdicts()

    assert "crashed while running 'test_crash.py::test_crashes_later'" in session.raw
    assert verdicts.pop("test_crashes_later") == "unchecked"
    assert verdicts == {"test_before": "clean", "test_after": "clean", "test_sound": "clean"}
