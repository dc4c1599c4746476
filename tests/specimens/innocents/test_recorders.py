"""Functions that remember nothing, or only the last thing."""

from __future__ import annotations

import functools

from specimen_app import recorders


def test_closure_is_dropped_with_its_cell() -> None:
    record = recorders.make_recorder()

    assert record("start") == 1


def test_default_argument_is_made_inside() -> None:
    assert recorders.collect_afresh("start") == 1


def test_attribute_of_a_function_is_replaced() -> None:
    recorders.track_last("start")

    assert recorders.track_last.call.name == "start"


def test_partial_owns_a_list_that_goes_with_it() -> None:
    enqueue = functools.partial(recorders.push, queue=[])

    assert enqueue("start") == 1


def test_queued_partials_are_called_and_removed() -> None:
    queue = [functools.partial(recorders.push, "start", []) for _ in range(10)]
    results = [queue.pop()() for _ in range(10)]

    assert results == [1] * 10


def test_function_is_wrapped_without_replacing_it() -> None:
    timed = recorders.instrument_once(recorders.collect_afresh)

    assert timed("start") == 1


def test_callback_refers_to_itself() -> None:
    def again(times: int) -> int:
        return again(times - 1) if times else 0

    assert again(3) == 0
