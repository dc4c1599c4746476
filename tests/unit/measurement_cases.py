"""Does a measurement tell exactly what a block allocates, retains and takes at its peak?

Memory of all threads counts, so that these run where there is no other: test_measurement.py starts
a process for them.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import tracemalloc

import pytest

import pytest_leakguard
from pytest_leakguard import NotMeasuredError, measure
from pytest_leakguard.heap import Heap, is_in_use

VALUES = ("allocated_bytes", "peak_bytes", "retained_bytes", "retained_objects")


class Node:
    """Something that can be part of a cycle."""

    def __init__(self, other: object = None) -> None:
        self.other = other


def values(measurement):
    return {name: getattr(measurement, name) for name in VALUES}


def of_nothing():
    with measure() as measurement:
        pass
    return values(measurement)


@pytest.fixture
def user_tracing():
    tracemalloc.start(3)
    yield
    tracemalloc.stop()


def test_an_empty_block_reads_zero_again_and_again():
    of_nothing()  # a tool for coverage notes each line that runs for the first time
    assert [of_nothing() for _ in range(5)] == [dict.fromkeys(VALUES, 0)] * 5


def test_what_is_kept_reads_what_it_takes():
    for _ in range(2):  # CPython 3.10 keeps the frame of each function's first call
        with measure() as measurement:
            kept = [bytes(1000) for _ in range(10)]

    size = sys.getsizeof(kept) + sum(map(sys.getsizeof, kept))
    assert measurement.retained_bytes == size
    assert measurement.retained_objects == 1  # bytes are not tracked by the collector
    assert measurement.allocated_bytes >= size
    assert measurement.peak_bytes >= measurement.allocated_bytes


def test_what_is_let_go_shows_at_the_peak_only():
    with measure() as measurement:
        bytes(1_000_000)

    assert measurement.peak_bytes >= 1_000_000
    assert measurement.allocated_bytes < 1_000  # what waits in free lists
    assert measurement.retained_bytes == 0


def test_garbage_in_a_cycle_is_allocated_and_not_retained():
    Node()  # CPython 3.10 keeps the frame of each function's first call
    with measure() as measurement:
        node = Node()
        node.other = (node, bytearray(5000))
        del node

    assert measurement.allocated_bytes > 5000
    assert (measurement.retained_bytes, measurement.retained_objects) == (0, 0)


def test_what_hangs_on_older_garbage_is_not_retained():
    older = Node()
    older.other = older
    with measure() as measurement:
        older.new = Node(bytearray(5000))
        del older

    assert (measurement.retained_bytes, measurement.retained_objects) == (0, 0)


def test_older_memory_that_is_freed_takes_nothing_off():
    older = [bytes(50_000)]
    with measure() as measurement:
        older.clear()
        newer = bytes(1000)

    assert measurement.retained_bytes == sys.getsizeof(newer)


def test_what_another_thread_keeps_counts():
    kept = []
    with measure() as measurement:
        thread = threading.Thread(target=lambda: kept.append(bytes(100_000)))
        thread.start()
        thread.join()

    assert measurement.retained_bytes >= 100_000


def test_a_coroutine_may_await_in_the_block():
    async def operation():
        with measure() as measurement:
            await asyncio.sleep(0)
            kept = bytes(100_000)
        return measurement.retained_bytes, len(kept)

    retained, _ = asyncio.run(operation())

    assert retained >= 100_000


@pytest.mark.parametrize("name", VALUES)
def test_there_is_no_value_before_the_block_has_ended(name):
    measurement = measure()
    with pytest.raises(NotMeasuredError, match=f"{name}: .* the block has not ended"):
        getattr(measurement, name)
    with measurement, pytest.raises(NotMeasuredError, match=name):
        getattr(measurement, name)


def test_an_exception_passes_through_and_leaves_everything_as_it_was():
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    measurement = measure()
    with pytest.raises(ZeroDivisionError) as caught, measurement:
        1 / 0  # noqa: B018

    assert len(caught.traceback) == 1
    assert not tracemalloc.is_tracing()
    assert not is_in_use()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (thresholds, min(frozen, 0))
    with pytest.raises(NotMeasuredError, match="left by an exception"):
        values(measurement)
    assert of_nothing() == dict.fromkeys(VALUES, 0)


def test_a_block_that_stops_tracemalloc_says_so():
    with measure() as measurement:
        tracemalloc.stop()

    with pytest.raises(NotMeasuredError, match="switched tracemalloc off"):
        values(measurement)


def test_one_within_another_is_refused_and_names_the_outer_one():
    place = measure.__module__  # anything but this file
    with pytest.raises(NotMeasuredError) as caught, measure(), measure():
        pass

    assert place not in str(caught.value)
    assert "measurement_cases.py:" in str(caught.value)
    assert of_nothing() == dict.fromkeys(VALUES, 0)


def test_the_user_s_tracing_goes_on_with_its_frames(user_tracing):
    assert of_nothing() == dict.fromkeys(VALUES, 0)
    assert tracemalloc.is_tracing()
    assert tracemalloc.get_traceback_limit() == 3


def test_a_tracer_s_frames_are_not_counted():
    def trace(frame, event, arg):
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read = [of_nothing() for _ in range(3)]
    finally:
        sys.settrace(before)

    # On CPython 3.10 a tracer in Python has the collector track the locals of the traced frame.
    objects = 0 if sys.version_info >= (3, 11) else 1
    assert read[1:] == [{**dict.fromkeys(VALUES, 0), "retained_objects": objects}] * 2


def test_what_collections_tell_their_callbacks_is_not_counted():
    def callback(phase, info):
        return None

    gc.callbacks.append(callback)
    try:
        read = [of_nothing() for _ in range(3)]
    finally:
        gc.callbacks.remove(callback)

    assert read == [dict.fromkeys(VALUES, 0)] * 3


def test_nothing_of_the_block_is_held():
    with measure() as measurement:
        node = Node()
    reference = gc.get_referrers(node)
    assert measurement not in reference


def test_a_measurement_can_be_used_again():
    measurement = measure()
    for size in (1000, 2000):
        with measurement:
            kept = bytes(size)
        assert measurement.retained_bytes == sys.getsizeof(kept)


def test_what_is_measured_from_outside_has_its_last_answer():
    def operation():
        with measure() as measurement:
            kept = bytes(1000)
        return measurement, kept

    first, _ = operation()
    with Heap():
        again, _ = operation()
        with measure() as unknown:
            pass

    assert values(again) == values(first)
    with pytest.raises(NotMeasuredError, match="measured from outside"):
        values(unknown)


def test_a_measuring_callable_is_clean():
    def operation():
        with measure() as measurement:
            kept = bytes(1000)
        assert measurement.retained_bytes == sys.getsizeof(kept)

    operation()
    assert pytest_leakguard.check(operation).verdict == "clean"


def test_it_tells_its_values_in_a_failing_assertion():
    with measure() as measurement:
        kept = [bytes(2000)]

    assert "B and 1 object retained, " in repr(measurement)
    assert "at the peak" in repr(measurement)
    assert len(kept) == 1
    assert "has not ended" in repr(measure())
