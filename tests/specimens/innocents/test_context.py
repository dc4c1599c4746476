"""Values of a thread or a context that are replaced, restored or end with their thread."""

from __future__ import annotations

import contextvars
import threading

from specimen_app import context


def test_value_of_this_thread_is_replaced() -> None:
    context.set_in_thread("query")

    assert context.local.span.name == "query"


def test_values_of_a_thread_end_with_it() -> None:
    thread = threading.Thread(target=context.note_in_thread, args=("query",))
    thread.start()
    thread.join()

    assert not thread.is_alive()


def test_context_variable_is_set_to_another_value() -> None:
    context.enter("query")

    assert context.current.get().name == "query"


def test_context_variable_is_reset() -> None:
    token = context.enter("query")
    context.current.reset(token)

    assert token.var is context.current


def test_copy_of_the_context_is_dropped_with_all_that_was_set_in_it() -> None:
    spans = len(context.trail.get())

    assert contextvars.copy_context().run(context.extend_trail, "query") == spans + 1
    assert len(context.trail.get()) == spans


def test_fresh_context_variable_is_set_in_a_copy_of_the_context() -> None:
    contextvars.copy_context().run(context.declare_and_set, "query")
