"""Functions and methods as holders."""

from __future__ import annotations

from specimen_app import recorders


def test_cell_of_a_closure_collects_events() -> None:
    assert recorders.record("start") >= 1


def test_mutable_default_argument_collects_events() -> None:
    assert recorders.collect("start") >= 1


def test_mutable_default_of_a_keyword_collects_events() -> None:
    assert recorders.gather("start") >= 1


def test_attribute_of_a_function_collects_events() -> None:
    recorders.track("start")

    assert recorders.track.calls


def test_argument_bound_by_a_partial_collects_events() -> None:
    assert recorders.enqueue("start") >= 1


def test_object_behind_a_bound_method_collects_events() -> None:
    recorders.handle("start")


def test_partials_are_queued_and_never_called() -> None:
    recorders.push_later("start")

    assert recorders.jobs


def test_stored_callback_captures_a_large_document() -> None:
    recorders.close_later(60_000)

    assert recorders.at_close[-1]() == 60_000


def test_function_is_wrapped_once_more_on_every_run() -> None:
    recorders.instrument()

    assert recorders.dispatch.__name__ == "dispatch"
