"""How is a body run by several threads or tasks together, as one run?"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Awaitable, Callable
from threading import Barrier, BrokenBarrierError, Thread  # bound here: tests replace them
from typing import Any, final

from pytest_leakguard.runner import BrokenRunError

#: How long threads are waited for that go on while another one has been interrupted, in seconds.
_LAST_SECONDS = 5.0


def together(function: Callable[..., Any], workers: int) -> Callable[..., Any]:
    """Return what runs a function several times at once, with the same arguments.

    Args:
        function: A function, which is run in threads, or a coroutine function, in tasks.
        workers: How many.
    """
    make = in_tasks if inspect.iscoroutinefunction(function) else in_threads
    return make(function, workers)


def in_threads(function: Callable[..., object], workers: int) -> Callable[..., None]:
    """Return what calls a function in so many threads at once, and waits for all of them.

    Each has a copy of the caller's context. The first exception is raised once all have ended.

    Args:
        function: Called with the arguments that are given.
        workers: How many threads.
    """

    @functools.wraps(function)
    def run(*args: object, **kwargs: object) -> None:
        errors: list[BaseException] = []
        start = Barrier(workers)

        def work() -> None:
            try:
                start.wait()
                function(*args, **kwargs)
            except BrokenBarrierError:  # not all could be started
                pass
            except BaseException as error:  # a skip or an exit as well: raised again by the caller
                errors.append(error)

        threads = [
            Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
            for _ in range(workers)
        ]
        _run_all(threads, start)
        if errors:
            try:
                raise errors[0]
            finally:  # they have the frames of all
                errors.clear()

    return run


def _run_all(threads: list[Thread], start: Barrier) -> None:
    started = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
        for thread in started:
            thread.join()
    except BaseException:  # no more threads, or Ctrl-C
        start.abort()
        for thread in started:
            thread.join(_LAST_SECONDS)
        raise


def in_tasks(function: Callable[..., Awaitable[object]], workers: int) -> Callable[..., Any]:
    """Return a coroutine function that runs another one in so many tasks of the current loop.

    Where one fails, the others are cancelled.

    Args:
        function: Called with the arguments that are given.
        workers: How many tasks.
    """

    @functools.wraps(function)
    async def run(*args: object, **kwargs: object) -> None:
        import asyncio  # heavy: only where tasks run, and then it is there

        one = functools.partial(function, *args, **kwargs)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            await _in_nursery(one, workers)
        else:
            await _in_loop(one, workers)

    return run


async def _in_loop(one: Callable[[], Awaitable[object]], workers: int) -> None:
    import asyncio

    tasks = [asyncio.ensure_future(one()) for _ in range(workers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _in_nursery(one: Callable[[], Awaitable[object]], workers: int) -> None:
    """Run tasks of trio, the other loop that pytest's plugins have."""
    import trio

    async with trio.open_nursery() as nursery:
        for _ in range(workers):
            nursery.start_soon(one)


@final
class Called:
    """A callable as something that can be run again.

    Args:
        function: Called without arguments; what it returns is dropped.
        workers: How many threads call it together in each run.
    """

    def __init__(self, function: Callable[[], object], workers: int = 1) -> None:
        self._function = function if workers == 1 else in_threads(function, workers)

    def run(self) -> None:
        """Call it once.

        Raises:
            BrokenRunError: It has raised an exception.
        """
        try:
            self._function()
        except Exception as error:
            raise BrokenRunError(f"{type(error).__qualname__}: {error}") from None
