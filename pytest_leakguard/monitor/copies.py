"""How is something long found out without keeping the session waiting? In a copy of the process.

The copy is forked, looks at its heap, which is the session's of that moment, writes what it found
into memory that both have, and is gone. It is no child of the session, and has none of its
descriptors open: tests that wait for any child, or for the end of a pipe, do not wait for it.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, final

from pytest_leakguard.clock import now
from pytest_leakguard.counters.footprint import memory_limit, read_rss
from pytest_leakguard.forkable import CAN_COPY, held_back
from pytest_leakguard.shared import handles_children

#: How long a copy may take, in seconds: then the system ends it.
LIMIT_SECONDS = 60
#: How much less than the session a copy asks of the processor.
_NICENESS = 10
#: Memory that both have; only what is written of it is used.
SHARED_BYTES = 16 * 2**20
#: What it begins with once the answer is whole: this and the answer's length.
_MARK = b"leakguard"
_HEAD_BYTES = len(_MARK) + 8
#: Share of the memory that may be used, above which a process is too large to be copied: reference
#: counts are written to wherever the copy looks.
_LARGE_SHARE = 0.25
_GET_CHILD_SUBREAPER = 37
# Bound here because tests patch the modules, and coverage replaces _exit by one that writes files.
if sys.platform == "linux":  # where copies are made
    from posix import _exit

    _fork, _getpid, _waitpid = os.fork, os.getpid, os.waitpid
    _close_range = os.closerange


def obstacle() -> str:
    """Say why this process is not to be copied; empty if it may be."""
    if not CAN_COPY:
        return "this platform copies no processes"
    if handles_children():
        return "the end of a child process would be handled by code of the session's"
    if _collects_orphans():
        return "the session's process is the one that collects orphans, and would collect copies"
    limit, rss = memory_limit(), read_rss()
    if limit and rss is not None and rss > limit * _LARGE_SHARE:
        return "the process is too large for the memory that it may use"
    return ""


def _collects_orphans() -> bool:
    """Tell whether processes without a parent become children of this one."""
    if _getpid() == 1:
        return True
    with suppress(OSError, ImportError, AttributeError):
        import ctypes

        answer = ctypes.c_int(0)
        ctypes.CDLL(None).prctl(_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
        return bool(answer.value)
    return False


@final
class Copy:
    """A copy of this process that is finding something out.

    Args:
        find: Called in the copy; returns what it has found.

    Attributes:
        cost_seconds: How long making it has kept this process waiting.

    Raises:
        OSError: The system refused, or such a copy is not to be made; the text says why.
    """

    def __init__(self, find: Callable[[], bytes]) -> None:
        began = now()
        if why := obstacle():
            raise OSError(why)
        self._shared = mmap.mmap(-1, SHARED_BYTES)
        self._deadline = began + LIMIT_SECONDS
        try:
            with held_back(), warnings.catch_warnings():
                # Of threads, by CPython 3.12: the copy takes no lock that one may hold. And of what
                # others have to say about forks, which is not meant for a process that only looks.
                warnings.simplefilter("ignore")
                child = _fork()
                if not child:
                    _be_between(find, self._shared)
                with suppress(ChildProcessError):  # the session collects all children by itself
                    _waitpid(child, 0)
        except BaseException:
            self._shared.close()
            raise
        self.cost_seconds = now() - began

    def answer(self) -> bytes | None:
        """Return what was found; ``None`` while it is being looked for.

        Raises:
            OSError: It will not be found any more: the copy took too long.
        """
        head = self._shared[:_HEAD_BYTES]
        if head.startswith(_MARK):
            length = int.from_bytes(head[len(_MARK) :], "big")
            return bytes(self._shared[_HEAD_BYTES : _HEAD_BYTES + length])
        if now() > self._deadline:
            raise OSError("a copy of the process gave no answer")
        return None

    def close(self) -> None:
        """Listen no more."""
        self._shared.close()


def _be_between(find: Callable[[], bytes], shared: mmap.mmap) -> NoReturn:
    """Fork the copy and end, so that it has no parent in the session."""
    try:
        os.setsid()  # what is typed at the terminal does not reach it
        # The session waits for the end of this process, and so for these to be closed.
        _close_range(0, _most_descriptors())
        if not _fork():
            _be_copy(find, shared)
    finally:
        _exit(0)


def _most_descriptors() -> int:
    """Return a number above those of all open descriptors."""
    with suppress(OSError, ValueError):
        return max(map(int, os.listdir("/proc/self/fd"))) + 1
    return 1024


def _be_copy(find: Callable[[], bytes], shared: mmap.mmap) -> None:
    """Find it, and write it down: first what was found, then that it is there."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LIMIT_SECONDS)
    with suppress(OSError):
        os.nice(_NICENESS)
    sys.settrace(None)
    sys.setprofile(None)
    tracemalloc.stop()
    found: Any = find()
    shared[_HEAD_BYTES : _HEAD_BYTES + len(found)] = found
    shared[:_HEAD_BYTES] = _MARK + len(found).to_bytes(8, "big")
