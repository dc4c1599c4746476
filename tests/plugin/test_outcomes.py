"""Which outcome has each verdict, for a marked test and in whole-suite mode? And what is said?"""

from __future__ import annotations

import sys

import pytest

_DEBUGGED = "the user went through it in the debugger, so it was not checked"
_VERDICTS = """
import collections
import functools
import pytest

kept = []
runs = collections.Counter()

@functools.lru_cache(maxsize=100_000)
def cached(key):
    return [key]

def test_clean():
    [object()]

def test_leak():
    kept.append([])

def test_bounded():
    runs["bounded"] += 1
    cached(runs["bounded"])

def test_fails_on_rerun():
    runs["rerun"] += 1
    assert runs["rerun"] == 1

def test_skips_on_rerun():
    runs["skip"] += 1
    if runs["skip"] > 1:
        pytest.skip("only once")

def test_fails():
    kept.append([])
    assert 0

@pytest.mark.xfail(reason="an outcome that is not judged")
def test_xfails():
    kept.append([])
    assert 0

@pytest.mark.skip(reason="an outcome that is not judged")
def test_skipped():
    pass
"""
_LEAK_AND_CLEAN = ("test_it.py::test_leak", "test_it.py::test_clean")
_CALLS = {
    "test_clean": "passed",
    "test_leak": "failed",
    "test_bounded": "passed",
    "test_fails": "failed",
    "test_xfails": "skipped",
}
_EXPECTED = {
    "test_clean": "clean",
    "test_leak": "leak",
    "test_bounded": "bounded",
    "test_fails_on_rerun": "inconclusive",
    "test_skips_on_rerun": "inconclusive",
    "test_fails": "unchecked",
    "test_xfails": "unchecked",
    "test_skipped": "unchecked",
}


def calls(session) -> dict[str, str]:
    return {name: outcome for name, when, outcome in session.reports if when == "call"}


def test_in_whole_suite_mode_only_leaks_fail_and_the_rest_is_listed(lab):
    lab.write({"test_it.py": _VERDICTS})

    session = lab.checked("--leak-confirm=2 s")

    assert session.ret == 1
    assert calls(session) == {
        **_CALLS,
        "test_fails_on_rerun": "passed",
        "test_skips_on_rerun": "passed",
    }
    assert lab.verdicts() == _EXPECTED
    assert session.summary.startswith(
        "leak check: 5 checked, 1 leaking (1 new, 0 known), 1 bounded, 2 inconclusive, 3 unchecked,"
    )
    assert session.summary.endswith("executions per test")
    lines = session.raw.splitlines()
    for start in (
        "inconclusive: test_it.py::test_fails_on_rerun: fails on re-run (execution ",
        "inconclusive: test_it.py::test_skips_on_rerun: fails on re-run (execution ",
        "bounded: test_it.py::test_bounded: ",
        "unchecked: 1 test: the test did not pass",
        "unchecked: 1 test: the test is expected to fail",
        "unchecked: 1 test: the test was skipped",
    ):
        assert [line for line in lines if line.startswith(start)], start


def test_a_marked_test_fails_when_nothing_can_be_said(lab):
    lab.write({"test_it.py": f"{_VERDICTS}\npytestmark = pytest.mark.noleak\n"})

    session = lab.pytest("--leak-confirm=2 s", "--leak-report=json:leaks.json")

    assert session.ret == 1
    assert calls(session) == {
        **_CALLS,
        "test_fails_on_rerun": "failed",
        "test_skips_on_rerun": "failed",
    }
    assert lab.verdicts() == _EXPECTED
    assert "): failed in call: assert " in session.raw
    assert "): skipped: Skipped: only once" in session.raw


@pytest.mark.row("options", "`--junitxml`")
def test_a_leak_is_reported_like_any_failure(lab):
    lab.write({"test_it.py": _VERDICTS})

    session = lab.checked(
        "--leak-confirm=2 s", "--tb=line", "test_it.py::test_leak", "--junitxml=junit.xml"
    )
    junit = (lab.path / "junit.xml").read_text(encoding="utf-8")

    sentence = "leak: +1 object, +56 B per run"
    assert f"test_it.py:15: {sentence}" in session.raw
    assert f"FAILED test_it.py::test_leak - {sentence}" in session.raw
    assert f'<failure message="{sentence}' in junit
    assert 'tests="1"' in junit
    assert 'failures="1"' in junit


@pytest.mark.row("options", "`-x`")
def test_a_leak_stops_a_session_with_x_and_its_module_is_torn_down(lab):
    lab.write(
        {
            "test_it.py": """
import pytest

kept = []

@pytest.fixture(scope="module")
def thing():
    yield
    print("module down")
    raise RuntimeError("module tear-down")

def test_leak(thing):
    kept.append([])

def test_never(thing):
    pass
""",
        }
    )

    session = lab.checked("-x", "--leak-confirm=2 s")

    assert session.reports == [
        ("test_leak", "setup", "passed"),
        ("test_leak", "call", "failed"),
        ("test_leak", "teardown", "failed"),
    ]
    assert lab.verdicts() == {"test_leak": "leak", "test_never": "unchecked"}
    assert "unchecked: 1 test: not run" in session.raw


@pytest.mark.row("options", "`--lf`")
def test_a_leak_is_the_last_failure(lab):
    lab.write({"test_it.py": _VERDICTS})

    lab.checked("--leak-confirm=2 s", *_LEAK_AND_CLEAN)
    again = lab.check_again("--leak-confirm=2 s", *_LEAK_AND_CLEAN, "--lf")

    assert calls(again) == {"test_leak": "failed"}


def test_a_leak_is_not_retried(lab):
    lab.write({"test_it.py": _VERDICTS})

    session = lab.checked(
        "--leak-confirm=2 s", "test_it.py::test_leak", "--reruns=2", plugins=("rerunfailures",)
    )

    assert session.reports == [
        ("test_leak", "setup", "passed"),
        ("test_leak", "call", "failed"),
        ("test_leak", "teardown", "passed"),
    ]


def test_a_retried_test_is_judged_by_the_attempt_that_passes(lab):
    lab.write(
        {
            "test_it.py": """
kept = []

def test_second_attempt_leaks():
    kept.append([])
    enough = len(kept) > 1
    assert enough
""",
        }
    )

    session = lab.checked("--leak-confirm=2 s", "--reruns=2", plugins=("rerunfailures",))

    assert [outcome for _, when, outcome in session.reports if when == "call"] == [
        "rerun",
        "failed",
    ]
    assert lab.verdicts() == {"test_second_attempt_leaks": "leak"}


def test_results_of_workers_reach_the_controller(lab):
    lab.write({"test_it.py": _VERDICTS, "test_more.py": "def test_more():\n    pass\n"})

    session = lab.checked("--leak-confirm=2 s", "-n2", plugins=("xdist",))

    assert session.ret == 1
    assert lab.verdicts() == {**_EXPECTED, "test_more": "clean"}
    assert session.summary.startswith("leak check: 6 checked, 1 leaking (1 new, 0 known)")
    assert "held by    test_it.kept" in session.raw


def test_the_header_says_what_is_counted_only_if_a_mode_was_asked_for(lab):
    lab.write({"test_it.py": "import pytest\n\n@pytest.mark.noleak\ndef test_it(): pass\n"})

    asked = lab.pytest("--leak-mode=marked", "--collect-only")
    silent = lab.pytest("--collect-only")
    off = lab.pytest("--leak-mode=off", "--collect-only")

    assert "leakguard: mode marked; counting gc_objects, blocks, " in asked.raw
    assert "leakguard:" not in silent.raw
    assert "leakguard:" not in off.raw


def test_a_counter_that_reads_nothing_here_is_named_as_absent(lab, monkeypatch):
    monkeypatch.setenv("PYTHONMALLOC", "malloc")
    lab.write({"test_it.py": "def test_it(): pass\n"})

    session = lab.checked()

    assert "not countable here: blocks" in session.raw
    assert lab.json()["tests"][0]["growth"]["blocks"] is None
    assert "blocks" not in lab.json()["session"]["counters"]


def test_nothing_is_said_where_nothing_was_checked(lab):
    lab.write({"test_it.py": "def test_it(): pass\n"})

    for args in ((), ("--leak-mode=marked",), ("--leak-mode=off",)):
        assert lab.pytest(*args).summary == ""


@pytest.mark.row("options", "`-q`", difference="nothing is said of leaks when all is clean")
@pytest.mark.parametrize("mode", ["--leak-check", "--leak-mode=marked"])
def test_a_quiet_session_says_nothing_when_all_is_clean(lab, mode):
    lab.write({"test_it.py": "import pytest\n\n@pytest.mark.noleak\ndef test_it(): pass\n"})

    quiet = lab.pytest(mode, "-q")
    normal = lab.pytest(mode)

    assert "leak" not in quiet.raw
    assert normal.summary.startswith("leak check: 1 checked, 0 leaking (0 new, 0 known), 0 bounded")


def test_a_quiet_session_speaks_when_something_was_found(lab):
    lab.write({"test_it.py": _VERDICTS})

    session = lab.checked("--leak-confirm=2 s", "-q", "test_it.py::test_leak")

    assert session.summary.startswith("leak check: 1 checked, 1 leaking (1 new, 0 known)")


def test_sound_tests_take_five_executions_and_marked_ones_at_most_nine(lab):
    lab.write(
        {
            "test_it.py": """
import pytest

def test_sound():
    [object()]

@pytest.mark.noleak
def test_marked(tmp_path):
    (tmp_path / "file").write_text("x")
""",
        }
    )

    lab.checked()

    executions = {
        test["nodeid"].rpartition("::")[2]: test["executions"] for test in lab.json()["tests"]
    }
    # CPython 3.10 gives each function a cache at its 1,024th call: where that falls is by chance.
    further = 4 if sys.version_info < (3, 11) else 0
    assert executions["test_sound"] <= 5 + further
    assert executions["test_marked"] <= 9 + further


_RESTLESS = """
import pytest
from pytest_leakguard import counters

class Restless:
    name = "fds"
    value = 0

    def read(self):
        Restless.value += 1
        return Restless.value

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    counters.available = lambda track=None: (Restless(),)
"""


def test_nothing_is_judged_when_an_empty_test_is_not_flat(lab):
    lab.write(
        {
            "conftest.py": _RESTLESS,
            "test_it.py": """
import pytest

def test_one():
    pass

def test_two():
    pass
""",
            "test_marked.py": """
import pytest

@pytest.mark.noleak
def test_marked():
    pass
""",
        }
    )

    suite = lab.checked("test_it.py")
    suite_verdicts = lab.verdicts()
    marked = lab.pytest("test_marked.py")

    assert suite.ret == 1
    assert calls(suite) == {"test_one": "passed", "test_two": "passed"}
    assert suite_verdicts == {"test_one": "unchecked", "test_two": "unchecked"}
    assert "self-check: an empty test is not flat: fds moved; nothing was judged" in suite.raw
    assert marked.ret == 1
    assert calls(marked) == {"test_marked": "failed"}
    assert "not checked for leaks: an empty test is not flat: fds moved" in marked.raw


def test_a_test_in_which_the_user_went_into_the_debugger_is_not_judged(lab):
    lab.write(
        {
            "test_it.py": """
import pytest

kept = []

def test_debugged():
    kept.append([])
    pytest.set_trace()

def test_other():
    pass
""",
        }
    )

    child = lab.pytester.run(
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "leakguard",
        "--leak-check",
        "--leak-report=json:leaks.json",
        stdin=b"c\n",
    )

    assert child.ret == 0
    assert lab.verdicts() == {"test_debugged": "unchecked", "test_other": "clean"}
    assert lab.json()["tests"][0]["reason"] == _DEBUGGED
    assert f"unchecked: 1 test: {_DEBUGGED}" in child.stdout.str()


@pytest.mark.row("options", "`--trace`", difference="nothing is judged")
def test_the_trace_option_leaves_tests_unjudged(lab):
    lab.write({"test_it.py": "kept = []\n\ndef test_it():\n    kept.append([])\n"})

    child = lab.pytester.run(
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "leakguard",
        "--leak-check",
        "--trace",
        "--leak-report=json:leaks.json",
        stdin=b"c\nc\nc\n",
    )

    assert child.ret == 0
    assert [(test["verdict"], test["reason"]) for test in lab.json()["tests"]] == [
        ("unchecked", _DEBUGGED)
    ]
    assert f"unchecked: 1 test: {_DEBUGGED}" in child.stdout.str()
    assert "leak check: 0 checked, 1 unchecked" in child.stdout.str()


def test_a_marked_test_that_was_debugged_says_so_and_an_unmarked_one_is_not_of_this_mode(lab):
    lab.write(
        {
            "test_it.py": """
import pytest

@pytest.mark.noleak
def test_marked():
    breakpoint()

def test_unmarked():
    breakpoint()
"""
        }
    )

    child = lab.pytester.run(
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "leakguard",
        "--leak-report=json:leaks.json",
        stdin=b"c\nc\n",
    )

    assert child.ret == 0
    assert [test["reason"] for test in lab.json()["tests"]] == [
        _DEBUGGED,
        "not checked in this mode",
    ]


def test_rerun_tests_carry_a_flag_and_the_first_run_does_not(lab):
    lab.write(
        {
            "conftest.py": """
from pathlib import Path

from pytest_leakguard.plugin.rerun import rerun_key

def pytest_runtest_setup(item):
    with Path(item.config.rootpath, "flags").open("a") as flags:
        flags.write(f"{item.stash.get(rerun_key, False)} ")
""",
            "test_it.py": "def test_it():\n    pass\n",
        }
    )

    lab.checked()

    first, *later = (lab.path / "flags").read_text().split()

    assert first == "False"
    assert len(later) >= 4
    assert set(later) == {"True"}


def test_fixtures_that_end_with_each_test_leave_nothing_at_wider_ones(lab):
    lab.write(
        {
            "conftest.py": """
import pytest

@pytest.fixture(scope="session")
def wide():
    return []

@pytest.fixture(scope="class", autouse=True)
def of_a_class(wide):
    yield wide

@pytest.fixture
def of_a_function(of_a_class):
    return of_a_class
""",
            "test_it.py": """
def test_in_no_class(of_a_function):
    pass

class TestClass:
    def test_in_a_class(self, of_a_function):
        pass
""",
        }
    )

    session = lab.checked()

    assert session.ret == 0
    assert lab.verdicts() == {"test_in_no_class": "clean", "test_in_a_class": "clean"}
