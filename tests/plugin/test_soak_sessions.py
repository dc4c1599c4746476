"""Do sessions soak what they are asked to, and say what came of it?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import accumulate

import pytest

_SOUND = """
import pytest

@pytest.mark.noleak(duration="400 ms")
def test_is_sound(tmp_path, capsys):
    print(tmp_path)

@pytest.mark.noleak
def test_is_not_soaked():
    pass
"""
#: Native memory is left out: what is asked here are Python's own.
_LEAKING = """
import itertools, pytest

KEPT = []
runs = itertools.count()

class Thing:
    pass

@pytest.mark.noleak(duration="{duration}", track="gc_objects", confirm="20 s")
def test_leaks_now_and_then():
    if next(runs) % {period} == 0:
        KEPT.append(Thing())
"""
_RACE = """
import threading, pytest

KEPT = []
meeting = threading.Barrier(3)
inside = 0

@pytest.mark.noleak(duration="{duration}", workers=3, track="gc_objects")
def test_leaks_under_load():
    if threading.current_thread() is threading.main_thread():
        return
    if meeting.wait(timeout=30) == 0:
        KEPT.append([])
"""
_TASKS = """
import asyncio, pytest

KEPT = []
inside = 0

@pytest.mark.asyncio
@pytest.mark.noleak(duration="700 ms", workers=3, track="gc_objects")
async def test_leaks_under_load():
    global inside
    inside += 1
    await asyncio.sleep(0)
    if inside > 1:
        KEPT.append([])
    inside -= 1
"""
_ALL_KINDS = '''
"""
>>> 1 + 1
2
"""
import unittest

class TestIt(unittest.TestCase):
    def test_in_a_case(self):
        pass

class TestThat:
    def test_in_a_class(self):
        pass

def test_function(tmp_path):
    pass
'''


def soaks(lab, name: str = "leaks.json") -> dict[str, dict | None]:
    return {test["nodeid"].rpartition("::")[2]: test["soak"] for test in lab.json(name)["tests"]}


def test_a_marked_test_is_soaked_for_its_time_and_passes(lab):
    lab.write({"test_sound.py": _SOUND})

    session = lab.pytest("--leak-report=json:leaks.json")

    session.result.assert_outcomes(passed=2)
    soak = soaks(lab)["test_is_sound"]
    assert soak["duration"] == 0.4
    assert soak["seconds"] == pytest.approx(0.4, abs=0.3)
    assert soak["ended"] == "time"
    assert soak["runs"] >= 1
    assert (
        soak["trends"]["gc_objects"]
        == {
            "slope": 0,
            "low": 0,
            "high": 0,
            "unit": "object",
            "grows": False,
            "exact": False,
        }
        or soak["runs"] < 6
    )
    assert soaks(lab)["test_is_not_soaked"] is None
    lines = [line for line in session.raw.splitlines() if line.startswith("soak: ")]
    assert len(lines) == 1
    assert "test_is_sound: " in lines[0]
    assert lines[0].endswith(": flat")


def test_nothing_is_shown_of_a_soak_that_goes_on_but_on_a_terminal(lab):
    lab.write({"test_sound.py": _SOUND})

    session = lab.pytest("-v")

    assert " left" not in session.raw
    assert "\x1b" not in session.raw


def test_a_leak_on_every_fifth_run_is_convicted_with_holder_line_and_curve(lab):
    lab.write({"test_rare.py": _LEAKING.format(duration="3 s", period=5)})

    session = lab.pytest("--leak-report=json:leaks.json")

    session.result.assert_outcomes(failed=1)
    (test,) = lab.json()["tests"]
    assert test["verdict"] == "leak"
    assert [finding["holder"] for finding in test["findings"]] == ["test_rare.KEPT"]
    assert test["findings"][0]["allocated"][0]["source"] == "KEPT.append(Thing())"
    trend = test["soak"]["trends"]["gc_objects"]
    assert trend["low"] <= 0.2 + 0.02
    assert trend["high"] >= 0.2 - 0.02
    assert trend["grows"]
    runs = [*accumulate(test["batches"], initial=0)]
    assert len(test["series"]["gc_objects"]) == len(runs)
    assert " evidence   " in session.raw
    assert "+0.2 objects per run (95 % interval 0." in session.raw
    assert " curve      gc_objects: retained floor (*) and trend (.)" in session.raw
    assert f"0{'':>30}" in session.raw


def test_a_leak_that_only_threads_together_make_is_found(lab):
    lab.write({"test_race.py": _RACE.format(duration="700 ms")})

    session = lab.pytest("--leak-report=json:leaks.json")

    session.result.assert_outcomes(failed=1)
    (test,) = lab.json()["tests"]
    assert [finding["holder"] for finding in test["findings"]] == ["test_race.KEPT"]
    assert test["soak"]["workers"] == 3
    assert " 3 workers" in session.raw


def test_a_leak_that_only_tasks_together_make_is_found(lab):
    lab.write({"test_tasks.py": _TASKS})

    session = lab.pytest("--leak-report=json:leaks.json", plugins=("leakguard", "asyncio"))

    session.result.assert_outcomes(failed=1)
    (test,) = lab.json()["tests"]
    assert [finding["holder"] for finding in test["findings"]] == ["test_tasks.KEPT"]


def test_a_failure_in_a_worker_is_told_as_a_run_that_fails(lab):
    lab.write(
        {
            "test_it.py": """
import threading, pytest

@pytest.mark.noleak(duration="1 s", workers=2)
def test_fails_in_threads():
    assert threading.current_thread() is threading.main_thread(), "only alone"
"""
        }
    )

    session = lab.pytest()

    session.result.assert_outcomes(failed=1)
    assert "leak check inconclusive: fails on re-run (execution 2): failed in call:" in session.raw
    assert "only alone" in session.raw


def test_the_option_soaks_every_checked_test_of_any_kind(lab):
    lab.write({"test_all.py": _ALL_KINDS})

    session = lab.checked("--doctest-modules", "--leak-soak=100 ms")

    session.result.assert_outcomes(passed=4)
    assert all(soak is not None for soak in soaks(lab).values())
    assert len(soaks(lab)) == 4


def test_the_ini_file_soaks_marked_tests_and_a_marker_has_the_last_word(lab):
    lab.write(
        {
            "pytest.ini": "[pytest]\nleak_soak = 200 ms\nleak_soak_workers = 2\n",
            "test_it.py": """
import pytest

@pytest.mark.noleak
def test_by_the_file():
    pass

@pytest.mark.noleak(duration="100 ms", workers=1)
def test_by_its_marker():
    pass

def test_unmarked():
    pass
""",
        }
    )

    lab.pytest("--leak-report=json:leaks.json")

    asked = {
        name: soak and (soak["duration"], soak["workers"]) for name, soak in soaks(lab).items()
    }
    assert asked == {
        "test_by_the_file": (0.2, 2),
        "test_by_its_marker": (0.1, 1),
        "test_unmarked": None,
    }


def test_workers_that_cannot_run_a_test_are_refused_by_name(lab):
    lab.write({"test_all.py": _ALL_KINDS})

    session = lab.checked(
        "--doctest-modules", "--leak-soak=100 ms", "--leak-soak-workers=2", "--leak-fail-on=none"
    )

    assert session.ret == 0
    reasons = {
        test["nodeid"].rpartition("::")[2]: test["reason"]
        for test in lab.json()["tests"]
        if test["verdict"] == "inconclusive"
    }
    assert reasons["test_in_a_case"].startswith("workers cannot run it: unittest runs a method")
    assert reasons["test_all"].startswith("workers cannot run it: a DoctestItem has no test")
    assert set(reasons) == {"test_in_a_case", "test_all"}


def test_a_marker_that_wants_workers_for_a_case_of_unittest_is_misused(lab):
    lab.write(
        {
            "test_it.py": """
import unittest, pytest

@pytest.mark.noleak(duration="1 s", workers=2)
class TestIt(unittest.TestCase):
    def test_it(self):
        pass
"""
        }
    )

    session = lab.pytest()

    assert session.ret == 2
    assert "workers: expected 1 here, since unittest runs a method of it" in session.raw


@pytest.mark.parametrize(
    ("option", "accepted"),
    [
        ("--leak-soak=0 s", "--leak-soak: expected a time above 0"),
        ("--leak-soak=soon", "--leak-soak: expected a time such as"),
        ("--leak-soak-workers=0", "--leak-soak-workers: expected a whole number of at least 1"),
    ],
)
def test_a_misused_option_says_what_is_accepted(lab, option, accepted):
    session = lab.pytest(option)

    assert session.ret == 4
    assert accepted in session.err


def test_a_budget_bounds_soaks(lab):
    lab.write({"test_all.py": "def test_a(): pass\n"})

    lab.checked("--leak-soak=1 h", "--leak-budget=300 ms")

    (soak,) = soaks(lab).values()
    assert soak["duration"] <= 0.3


def test_a_question_inside_a_soaked_test_is_answered_without_a_soak(lab):
    lab.write(
        {
            "test_it.py": """
def test_asks(leakguard):
    assert leakguard.check(lambda: None).soak is None
"""
        }
    )

    session = lab.checked("--leak-soak=100 ms")

    session.result.assert_outcomes(passed=1)
    assert soaks(lab)["test_asks"] is not None


def test_soaks_of_workers_of_xdist_are_told_by_the_controller(lab):
    lab.write({"test_sound.py": _SOUND, "test_more.py": _SOUND})

    session = lab.pytest("-n2", "--leak-report=json:leaks.json", plugins=("leakguard", "xdist"))

    session.result.assert_outcomes(passed=4)
    assert sum(test["soak"] is not None for test in lab.json()["tests"]) == 2
    assert session.raw.count("soak: test_") == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
def test_a_soak_in_a_child_is_told_as_any(lab):
    lab.write({"test_sound.py": _SOUND})

    session = lab.pytest("--leak-isolate", "--leak-report=json:leaks.json")

    session.result.assert_outcomes(passed=2)
    assert soaks(lab)["test_is_sound"]["runs"] >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")
def test_an_interrupt_ends_a_soak_with_what_is_known_and_then_the_session(lab):
    lab.write(
        {
            "test_it.py": """
import os, pytest, signal

KEPT = []

@pytest.mark.noleak(duration="1 h", track="gc_objects")
def test_is_interrupted():
    KEPT.append([])
    if len(KEPT) == 400:
        os.kill(os.getpid(), signal.SIGINT)

def test_does_not_run():
    raise AssertionError
"""
        }
    )

    session = lab.pytest("--leak-report=json:leaks.json")

    assert session.ret == 2
    assert "KeyboardInterrupt" in session.raw
    tests = {test["nodeid"].rpartition("::")[2]: test for test in lab.json()["tests"]}
    known = tests["test_is_interrupted"]
    assert known["verdict"] == "leak"
    assert known["reason"].startswith("interrupted after 398 runs: gc_objects +1 object per run")
    assert known["soak"]["ended"] == "interrupt"
    assert tests["test_does_not_run"]["executions"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_soak_on_a_terminal_shows_how_far_it_is(lab):
    import pty

    lab.write({"test_sound.py": _SOUND.replace("400 ms", "1 h")})
    ours, theirs = pty.openpty()
    session = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "leakguard", "-p", "no:cacheprovider"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=lab.path,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 100
    while b"59 min " not in seen and time.monotonic() < deadline:
        seen += os.read(ours, 4096)
    session.send_signal(signal.SIGINT)
    while session.poll() is None:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # the terminal's other end was closed
            break
    session.wait(timeout=100)
    os.close(ours)

    line = seen.decode().partition(" soak: ")[2].partition("\x1b")[0]
    assert " of 1 h, " in line
    assert " runs, " in line
    assert "/s, " in line
    assert line.endswith("59 min 59 s left")
    assert "leak check inconclusive: interrupted after " in seen.decode()


def test_a_soak_is_on_the_page_for_a_browser(lab):
    pytest.importorskip("jinja2")
    pytest.importorskip("leather")
    lab.write({"test_rare.py": _LEAKING.format(duration="700 ms", period=1)})

    lab.pytest("--leak-report=html:leaks.html")

    page = (lab.path / "leaks.html").read_text(encoding="utf-8")
    assert "<strong>Soak</strong>" in page
    assert "<code>gc_objects</code> +1 object per run (95 % interval 1 to 1)" in page
