"""Where is the diagnosis's own bookkeeping cheap while tracemalloc is on? In a short stack.

Each allocation then costs a traceback, of as many frames as are kept. The stack of a thread begins
with what it runs, where that of a test's re-run is a hundred frames deep: looking at every object
of a heap was measured six times faster there.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from typing import TypeVar

from pytest_leakguard.clock import wait

_T = TypeVar("_T")
#: How often it is looked whether a thread has ended, and how long is waited from the tenth time on,
#: in seconds. Another thread that has begun meanwhile is taken for it.
_TURNS, _QUICK_TURNS, _PAUSE_SECONDS = 60, 10, 0.0005
# Bound here because tests patch the module.
_start, _allocate, _count = _thread.start_new_thread, _thread.allocate_lock, _thread._count


def in_short_stack(function: Callable[[], _T]) -> _T:
    """Call something in a thread of its own, without what ``threading`` would put before it.

    Args:
        function: Called once, without arguments; whatever it raises goes on.
    """
    answers: list[_T] = []
    failures: list[BaseException] = []
    ended, before = _allocate(), _count()

    def call() -> None:
        try:
            answers.append(function())
        except BaseException as error:
            failures.append(error)
        finally:
            ended.release()

    ended.acquire()
    _start(call, ())
    ended.acquire()
    # What the thread was given dies with it: not later, in the midst of what is measured.
    for turn in range(_TURNS):
        if _count() <= before:
            break
        wait(0 if turn < _QUICK_TURNS else _PAUSE_SECONDS)
    for failure in failures:
        raise failure
    return answers[0]
