"""How is something long found out without keeping the session waiting? In a copy of the process.

The copy is forked, looks at its heap, which is the session's of that moment, writes what it found
into a file that is only memory, and is gone. It is no child of the session: tests that wait for any
child do not wait for it. It only reads: no destructor of the user's runs there.
"""

from __future__ import annotations

import os
import signal
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, final

from pytest_leakguard.clock import now
from pytest_leakguard.forkable import CAN_COPY, held_back

#: How long a copy may take, in seconds: then the system ends it.
LIMIT_SECONDS = 60
#: How much less than the session a copy asks of the processor.
_NICENESS = 10
#: Where the file's descriptor is kept, out of the way of code that expects low numbers.
_HIGH = 200
#: What the file begins with once it is whole: this and the length of what follows.
_MARK = b"leakguard"
_HEAD_BYTES = len(_MARK) + 8
# Bound here because tests patch the modules, and coverage replaces _exit by one that writes files.
_close = os.close
if sys.platform == "linux":  # where copies are made
    from fcntl import F_DUPFD_CLOEXEC, fcntl
    from posix import _exit

    _fork, _pread, _pwrite, _waitpid = os.fork, os.pread, os.pwrite, os.waitpid
    _memory_file = os.memfd_create


@final
class Copy:
    """A copy of this process that is finding something out.

    Args:
        find: Called in the copy; returns what it has found.

    Attributes:
        cost_seconds: How long making it has kept this process waiting.

    Raises:
        OSError: The system refused, or it cannot make such copies at all.
    """

    def __init__(self, find: Callable[[], bytes]) -> None:
        began = now()
        if not CAN_COPY:
            raise OSError("this platform makes no copies of a process")
        low = _memory_file("leakguard")
        try:
            self._file = fcntl(low, F_DUPFD_CLOEXEC, _HIGH)
        finally:
            _close(low)
        self._deadline = began + LIMIT_SECONDS
        with held_back() as mask:
            with warnings.catch_warnings():
                # CPython 3.12 warns of threads: the copy takes no lock that one may hold.
                warnings.simplefilter("ignore", DeprecationWarning)
                child = _fork()
            if not child:
                _be_between(find, self._file)
            with suppress(ChildProcessError):  # the session collects all children by itself
                _waitpid(child, 0)
        del mask
        self.cost_seconds = now() - began

    def answer(self) -> bytes | None:
        """Return what was found; ``None`` while it is being looked for.

        Raises:
            OSError: It will not be found any more: the copy took too long, or its file is gone.
        """
        head = _pread(self._file, _HEAD_BYTES, 0)
        if len(head) == _HEAD_BYTES and head.startswith(_MARK):
            length = int.from_bytes(head[len(_MARK) :], "big")
            return bytes(_pread(self._file, length, _HEAD_BYTES))
        if head.strip(b"\0") or now() > self._deadline:
            raise OSError("a copy of the process gave no answer")
        return None

    def close(self) -> None:
        """Listen no more."""
        if self._file >= 0:
            with suppress(OSError):  # a test has closed it
                _close(self._file)
            self._file = -1


def _be_between(find: Callable[[], bytes], file: int) -> NoReturn:
    """Fork the copy and end, so that it has no parent in the session."""
    try:
        os.setsid()  # what is typed at the terminal does not reach it
        if not _fork():
            _be_copy(find, file)
    finally:
        _exit(0)


def _be_copy(find: Callable[[], bytes], file: int) -> None:
    """Find it, and write it down: first what was found, then that it is there."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LIMIT_SECONDS)
    with suppress(OSError):
        os.nice(_NICENESS)
    sys.settrace(None)
    sys.setprofile(None)
    tracemalloc.stop()
    found = memoryview(find())
    offset = _HEAD_BYTES
    rest = found
    while rest:
        written = _pwrite(file, rest, offset)
        offset += written
        rest = rest[written:]
    _pwrite(file, _MARK + len(found).to_bytes(8, "big"), 0)
