"""Does the fixture serve tests, also those that are checked themselves?"""

from __future__ import annotations

import pytest

_TESTS = """
import weakref

class Kept:
    pass

kept = []

def test_sound(leakguard):
    for _ in leakguard.round_trips():
        [Kept() for _ in range(5)]

def test_leaking_loop(leakguard):
    for _ in leakguard.round_trips():
        kept.append(Kept())

def test_block(leakguard):
    with leakguard.round_trip(max_objects=0):
        kept.append(Kept())

def test_held(leakguard):
    obj = Kept()
    kept.append(obj)
    leakguard.assert_collected(obj)

def test_asked(leakguard):
    assert leakguard.check(lambda: [Kept()]).verdict == "clean"
    assert leakguard.check(lambda: kept.append(Kept())).verdict == "leak"
    del kept[:]

def test_survivors(leakguard):
    class Local:
        pass
    here = Local()
    assert leakguard.survivors(Local) == [here]

def test_left_early(leakguard):
    loop = leakguard.round_trips()
    for done, _ in enumerate(loop):
        if done == 6:
            break
"""
_OUTCOMES = {
    "test_sound": "passed",
    "test_leaking_loop": "failed",
    "test_block": "failed",
    "test_held": "failed",
    "test_asked": "passed",
    "test_survivors": "passed",
    "test_left_early": "passed",
}


pytestmark = pytest.mark.row("kinds", "the `leakguard` fixture")


def outcomes(session):
    return {name: outcome for name, when, outcome in session.reports if when == "call"}


def test_a_test_asks_from_the_inside_and_fails_at_its_own_line(lab):
    lab.write({"test_it.py": _TESTS})

    session = lab.pytest()

    assert outcomes(session) == _OUTCOMES
    assert ">       for _ in leakguard.round_trips():" in session.raw
    assert "test_it.py:13: LeakFoundError" in session.raw
    assert "Error: test_it.py:13: leak: +1 object, " in session.raw
    assert "held by test_it.kept" in session.raw
    assert ">       with leakguard.round_trip(max_objects=0):" in session.raw
    assert "Error: test_it.py:17: the block has left 1 object, " in session.raw
    assert ">       leakguard.assert_collected(obj)" in session.raw
    assert "Kept is not collected: held by test_it.kept -> " in session.raw
    assert "in round_trips" not in session.raw


def test_what_asks_is_checked_like_any_test(lab):
    lab.write({"test_it.py": _TESTS})

    session = lab.checked()

    assert outcomes(session) == _OUTCOMES
    assert {name for name, verdict in lab.verdicts().items() if verdict == "clean"} == {
        name for name, outcome in _OUTCOMES.items() if outcome == "passed"
    }


def test_a_misused_setting_is_told_at_the_users_line(lab):
    lab.write(
        {
            "test_it.py": """
def test_it(leakguard):
    for _ in leakguard.round_trips(rums=3):
        pass
"""
        }
    )

    session = lab.pytest()

    assert ">       for _ in leakguard.round_trips(rums=3):" in session.raw
    assert "keyword: expected one of runs, warmup, " in session.raw
    assert "parse_setting" not in session.raw


@pytest.mark.parametrize("option", ["--leak-max-objects=4", "-oleak_max_objects=4"])
def test_the_sessions_settings_are_the_defaults(lab, option):
    lab.write(
        {
            "test_it.py": """
kept = []

def test_it(leakguard):
    for _ in leakguard.round_trips():
        kept.append([])

def test_nearer(leakguard):
    for _ in leakguard.round_trips(max_objects=0):
        kept.append([])
"""
        }
    )

    session = lab.pytest(option)

    assert outcomes(session) == {"test_it": "passed", "test_nearer": "failed"}


def test_a_coroutine_may_await_in_a_loop(lab):
    lab.write(
        {
            "test_it.py": """
import asyncio

kept = []

def test_sound(leakguard):
    async def main():
        for _ in leakguard.round_trips():
            await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
    asyncio.run(main())

def test_leaking(leakguard):
    async def main():
        for _ in leakguard.round_trips():
            kept.append(asyncio.get_running_loop().create_future())
            await asyncio.sleep(0)
    asyncio.run(main())
"""
        }
    )

    session = lab.pytest()

    assert outcomes(session) == {"test_sound": "passed", "test_leaking": "failed"}
    assert "held by test_it.kept" in session.raw


_MEASURING = """
import sys
import pytest
from pytest_leakguard import measure

def test_by_the_fixture(leakguard):
    for size in (1000, 3000):
        with leakguard.measure() as measured:
            kept = bytes(size)
        assert measured.retained_bytes == sys.getsizeof(kept)

@pytest.mark.parametrize("size", [1000, 3000])
def test_by_the_function(size):
    with measure() as measured:
        kept = bytes(size)
    assert measured.retained_bytes == sys.getsizeof(kept)

def test_too_much(leakguard):
    with leakguard.measure() as measured:
        kept = bytes(3000)
    assert measured.retained_bytes < 3000
"""


def test_a_test_that_measures_is_judged_by_its_first_run_s_values(lab):
    lab.write({"test_it.py": _MEASURING})

    session = lab.checked()

    assert outcomes(session) == {
        "test_by_the_fixture": "passed",
        "test_by_the_function[1000]": "passed",
        "test_by_the_function[3000]": "passed",
        "test_too_much": "failed",
    }
    passed = {name for name, outcome in outcomes(session).items() if outcome == "passed"}
    assert {name for name, verdict in lab.verdicts().items() if verdict == "clean"} == passed
    assert "<Measurement: 3 KiB and 0 objects retained" in session.raw
