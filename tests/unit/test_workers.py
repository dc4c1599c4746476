"""Is a body run several times at once, and waited for?"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading

import pytest

from pytest_leakguard.runner import BrokenRunError
from pytest_leakguard.workers import Called, together


def test_a_function_is_called_by_so_many_threads_at_once_with_the_same_arguments():
    meeting = threading.Barrier(3, timeout=30)
    seen = []

    def body(number, *, word):
        meeting.wait()  # only passed by three at once
        seen.append((number, word, threading.get_ident()))

    together(body, 3)(4, word="x")

    assert {entry[:2] for entry in seen} == {(4, "x")}
    assert len({ident for *_, ident in seen}) == 3
    assert threading.get_ident() not in {ident for *_, ident in seen}


def test_no_thread_is_left_when_it_returns():
    before = threading.active_count()

    together(lambda: None, 5)()

    assert threading.active_count() == before


def test_the_first_exception_is_raised_once_all_have_ended():
    ended = []
    number = iter(range(3))

    def body():
        if next(number) == 1:
            raise ValueError("one of three")
        ended.append(1)

    with pytest.raises(ValueError, match="one of three"):
        together(body, 3)()
    assert len(ended) == 2


def test_a_skip_is_an_exception_like_others():
    with pytest.raises(pytest.skip.Exception):
        together(lambda: pytest.skip("no"), 2)()


def test_each_thread_has_the_callers_context():
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("the caller's")
    seen = []

    together(lambda: seen.append(variable.get()), 2)()

    assert seen == ["the caller's"] * 2


def test_threads_that_cannot_be_started_leave_none_waiting(monkeypatch):
    started = []
    start = threading.Thread.start

    def refuse(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)

    with pytest.raises(RuntimeError, match="can't start"):
        together(lambda: None, 3)()
    assert not started[0].is_alive()


def test_a_coroutine_function_is_run_by_so_many_tasks_of_one_loop():
    inside = most = 0

    async def body(word):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        assert word == "x"

    crowd = together(body, 4)

    assert inspect.iscoroutinefunction(crowd)
    asyncio.run(crowd("x"))
    assert most == 4


def test_tasks_are_cancelled_where_one_fails():
    cancelled = []
    number = iter(range(3))

    async def body():
        if next(number) == 2:
            raise ValueError("one of three")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    async def run():
        with pytest.raises(ValueError, match="one of three"):
            await together(body, 3)()
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
    assert len(cancelled) == 2


def test_tasks_of_trio_are_run_in_a_nursery():
    trio = pytest.importorskip("trio")
    seen = []

    async def body():
        await trio.lowlevel.checkpoint()
        seen.append(trio.lowlevel.current_task())

    trio.run(together(body, 3))

    assert len({id(task) for task in seen}) == 3


def test_a_callable_that_raises_in_a_worker_breaks_the_run():
    with pytest.raises(BrokenRunError, match="ZeroDivisionError: division by zero"):
        Called(lambda: 1 / 0, 2).run()
