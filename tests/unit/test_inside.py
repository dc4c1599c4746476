"""Are loops, blocks and objects judged from the inside, without pytest's help?"""

from __future__ import annotations

import contextvars
import gc
import subprocess
import sys
import threading
import unittest
import weakref

import pytest

import pytest_leakguard
from pytest_leakguard import InvalidSettingError, LeakFoundError, check
from pytest_leakguard.heap import Heap


class Kept:
    """Something that tests keep."""


kept: list[object] = []
by_name: dict[str, object] = {}
variable: contextvars.ContextVar[tuple[object, ...]] = contextvars.ContextVar(
    "variable", default=()
)


@pytest.fixture(autouse=True)
def _forgotten():
    yield
    kept.clear()
    by_name.clear()


def loop_over(body):
    for _ in pytest_leakguard.round_trips():
        body()


# Loops


_SOUND_LOOP = """
import pytest_leakguard

class Made:
    pass

def loop_through():
    loop = pytest_leakguard.round_trips()
    passes = 0
    for _ in loop:
        passes += 1
        [Made() for _ in range(5)]
    print(loop.result.verdict, passes, loop.result.executions)

loop_through()
"""


def test_a_sound_loop_ends_with_its_verdict():
    # In a process of its own: what a thread of pytest-xdist receives meanwhile is counted too, and
    # looked into with four passes more.
    done = subprocess.run(
        [sys.executable, "-c", _SOUND_LOOP],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    verdict, passes, executions = done.stdout.split()
    assert verdict == "clean"
    assert passes == executions
    # CPython 3.10 fills caches of its functions for longer.
    assert passes == "9" or sys.version_info < (3, 11)


def test_a_loop_looks_closer_at_what_a_thread_has_kept_once_and_is_clean():
    begin, done = threading.Event(), threading.Event()
    kept_by_thread: list[bytes] = []

    def keep() -> None:
        begin.wait()
        kept_by_thread.append(bytes(100))
        done.set()

    thread = threading.Thread(target=keep)
    thread.start()
    loop = pytest_leakguard.round_trips()
    for number, _ in enumerate(loop):
        if number == 3:
            begin.set()
            done.wait()
    thread.join()

    assert loop.result is not None
    assert loop.result.verdict == "clean"


@pytest.mark.parametrize("way", ["a module's list", "a context variable"])
def test_a_leaking_loop_fails_where_it_stands_and_names_who_holds_what_leaks(way):
    def leak() -> None:
        if way == "a module's list":
            kept.append(Kept())
        else:
            variable.set((*variable.get(), Kept()))

    place = loop_over.__code__.co_firstlineno + 1
    with pytest.raises(LeakFoundError) as caught:
        loop_over(leak)

    (finding,) = caught.value.result.findings
    holder = "kept" if way == "a module's list" else "variable"
    assert caught.traceback[1].lineno + 1 == place
    assert f"test_inside.py:{place}: leak: +1 object, " in str(caught.value)
    assert finding.type == f"{__name__}.Kept"
    assert finding.holder == f"{__name__}.{holder}"


def test_a_local_variable_that_keeps_what_leaks_is_named():
    own: list[object] = []

    with pytest.raises(LeakFoundError) as caught:  # noqa: PT012  # its variables are this frame's
        for _ in pytest_leakguard.round_trips():
            own.append(Kept())  # noqa: PERF401

    (finding,) = caught.value.result.findings
    # CPython 3.10 knows a frame's function by its plain name alone.
    assert finding.holder == "test_a_local_variable_that_keeps_what_leaks_is_named.<locals>.own"


def test_the_line_that_grew_a_holder_is_found_in_the_loop_s_own_thread():
    with pytest.raises(LeakFoundError) as caught:  # noqa: PT012  # in this very frame
        for _ in pytest_leakguard.round_trips():
            record = Kept()
            kept.append(record)

    (finding,) = caught.value.result.findings
    assert finding.allocated[0].source == "record = Kept()"
    assert finding.grown[0].source == "kept.append(record)"


def test_a_loop_s_limits_are_those_of_a_marker():
    loop = pytest_leakguard.round_trips(max_objects=4)
    for _ in loop:
        kept.extend([Kept(), Kept()])

    assert loop.result.verdict == "clean"


def test_an_unknown_setting_is_named_at_the_callers_line():
    with pytest.raises(InvalidSettingError, match=r"expected one of runs, .* \(got 'rums'\)"):
        pytest_leakguard.round_trips(rums=3)


@pytest.mark.parametrize("passes", [1, 2, 7])
def test_a_loop_that_is_left_judges_nothing_and_leaves_nothing_behind(passes):
    threads = set(threading.enumerate())
    loop = pytest_leakguard.round_trips()
    for done, _ in enumerate(loop, 1):
        kept.append(Kept())
        if done == passes:
            break
    del loop

    assert set(threading.enumerate()) == threads
    assert gc.get_freeze_count() == 0


def test_what_a_body_raises_comes_through_and_ends_the_judging():
    threads = set(threading.enumerate())

    with pytest.raises(ZeroDivisionError):
        loop_over(lambda: 1 / (5 - len(kept)) and kept.append(None))

    assert set(threading.enumerate()) == threads


def test_a_loop_that_is_itself_run_again_has_one_pass():
    passes = 0
    with Heap():
        for _ in pytest_leakguard.round_trips():
            passes += 1
        result = check(lambda: kept.append(Kept()))

    assert passes == 1
    assert result.verdict == "unchecked"
    assert result.reason == "what asks for it is itself being run again"
    assert len(kept) == 1


# Blocks


def test_a_sound_block_leaves_nothing():
    with pytest_leakguard.round_trip(max_objects=0) as trip:
        cycle = [Kept()]
        cycle.append(cycle)
        del cycle

    assert (trip.objects, trip.bytes, dict(trip.types), trip.findings) == (0, 0, {}, ())


def test_a_block_tells_what_it_has_left_and_who_holds_it():
    with pytest_leakguard.round_trip() as trip:
        by_name["a"] = [Kept(), Kept()]
        here = Kept()

    assert dict(trip.types) == {f"{__name__}.Kept": 3, "list": 1}
    assert trip.objects == 4
    assert trip.bytes > 3 * sys.getsizeof(here)
    holders = {finding.holder for finding in trip.findings}
    assert f"{__name__}.by_name" in holders
    assert any(holder.endswith("<locals>.here") for holder in holders)


@pytest.mark.parametrize("limit", [{"max_objects": 2}, {"max_bytes": "100 B"}])
def test_a_block_fails_by_its_limit_alone(limit):
    trip = pytest_leakguard.round_trip(**limit)

    with pytest.raises(LeakFoundError, match=r"the block has left 3 objects, ") as caught, trip:
        kept.extend([Kept(), Kept(), Kept()])

    assert f"held by    {__name__}.kept -> list" in str(caught.value)


def test_a_block_that_raises_is_not_looked_at():
    trip = pytest_leakguard.round_trip(max_objects=0)

    with pytest.raises(ZeroDivisionError), trip:
        by_name["it"] = [1 / len(kept)]

    assert trip.objects == 0
    assert gc.get_freeze_count() == 0


def test_a_block_takes_limits_only():
    with pytest.raises(InvalidSettingError, match=r"expected one of max_objects, max_bytes \(got"):
        pytest_leakguard.round_trip(runs=3)


# Objects


def test_what_only_running_calls_have_is_as_good_as_collected():
    obj = Kept()
    obj.itself = obj

    pytest_leakguard.assert_collected(obj)


def test_what_is_held_is_told_with_the_way_to_it():
    by_name["it"] = obj = Kept()
    message = (
        rf"Kept is not collected: held by {__name__}\.by_name -> \['it'\] \({__name__}\.Kept\)"
    )

    with pytest.raises(LeakFoundError, match=message):
        pytest_leakguard.assert_collected(obj)


def test_a_weak_reference_must_be_dead():
    obj = Kept()
    obj.itself = obj
    reference = weakref.ref(obj)

    with pytest.raises(LeakFoundError, match="a variable of a running call, native code, or"):
        pytest_leakguard.assert_collected(reference)
    del obj
    pytest_leakguard.assert_collected(reference)


def test_survivors_are_the_living_instances_of_a_type_and_its_subclasses():
    class Kind:
        pass

    class Special(Kind):
        pass

    cycle = Special()
    cycle.itself = cycle
    del cycle
    living = [Kind(), Special()]

    assert {id(obj) for obj in pytest_leakguard.survivors(Kind)} == set(map(id, living))
    assert pytest_leakguard.survivors(Special) == [living[1]]


class TestInUnittest(unittest.TestCase):
    """The same functions serve the standard library's tests."""

    def test_a_leaking_loop_is_a_failure(self):
        with self.assertRaises(self.failureException):  # noqa: PT027  # what is tested
            loop_over(lambda: kept.append(Kept()))
