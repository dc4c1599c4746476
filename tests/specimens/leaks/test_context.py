"""Values that belong to a thread or a context."""

from __future__ import annotations

import itertools

from specimen_app import context

_numbers = itertools.count()


def test_list_of_this_thread_collects_spans() -> None:
    assert context.note_in_thread("query") >= 1


def test_list_of_a_worker_thread_collects_spans() -> None:
    assert context.worker.submit(context.note_in_thread, "query").result() >= 1


def test_value_of_a_context_variable_gets_longer() -> None:
    assert context.extend_trail("query") >= 1


def test_token_of_a_context_variable_is_kept_instead_of_used() -> None:
    context.enter_for_good("query")

    assert context.current.get().name == "query"


def test_context_variable_is_made_and_set_on_every_run() -> None:
    context.declare_and_set(f"span {next(_numbers)}")
