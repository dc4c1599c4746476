"""What does this process have in common with others, that runs in a forked child would change?

A fork copies memory and not what is outside of it: files that are open, pipes, sockets that are
connected, memory that is mapped together with others, where a semaphore may be. ``forkable`` tells
what a child would miss; this tells what it must not touch if nobody is to notice it.
"""

from __future__ import annotations

import _socket  # tests replace the class of the public one
import os
import signal
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, final

from pytest_leakguard.counters.descriptors import list_open

#: How a file was opened that can be written.
_WRITABLE = os.O_WRONLY | os.O_RDWR
_STANDARD = range(3)
Identity = tuple[int, int]
# Bound here because tests patch the modules.
_fstat, _open, _readlink = os.fstat, open, os.readlink
_getsignal: Any = signal.getsignal


def handles_children() -> bool:
    """Tell whether code of the session's would be called when a child process ends."""
    usual = (signal.SIG_DFL, signal.SIG_IGN, None)
    return _getsignal(signal.SIGCHLD) not in usual


@final
class Shared:
    """Looks for what is shared, on Linux. Made before any test has run.

    What is there then belongs to those who run the tests: pipes to a controller, say.
    """

    def __init__(self) -> None:
        self._before = {identity_of_file(number) for number in list_open()}

    def first(self, spared: Collection[Identity], *, ignored_bytes: int = 0) -> str:
        """Return something that is shared, in words; empty if nothing is.

        Args:
            spared: Identities of files that no test writes to.
            ignored_bytes: Size of a mapping that is our own; 0: there is none.
        """
        if handles_children():
            return "the end of a child process would be handled by code of the session's"
        for number in list_open():
            for what in self._of_descriptor(number, spared):
                return what
        return _mapped_together(ignored_bytes)

    def _of_descriptor(self, number: int, spared: Collection[Identity]) -> Iterator[str]:
        with suppress(OSError, ValueError, StopIteration):
            status = _fstat(number)
            identity = (status.st_dev, status.st_ino)
            if identity in spared or not _is_written_to(number):
                return
            if stat.S_ISREG(status.st_mode) and status.st_nlink:  # pytest's own have no name
                yield f"{_readlink(f'/proc/self/fd/{number}')} is open for writing"
            elif stat.S_ISFIFO(status.st_mode) and identity not in self._before:
                yield "a pipe is open"
            elif stat.S_ISSOCK(status.st_mode) and (peer := _peer(number)):
                yield f"a connection to {peer} is open"


def standard_files() -> frozenset[Identity]:
    """Return the identities of what standard input, output and errors are now."""
    return frozenset(map(identity_of_file, _STANDARD))


def identity_of_file(number: int) -> Identity:
    """Return what tells a descriptor's file from others; that of no file where it is closed."""
    try:
        status = _fstat(number)
    except OSError:
        return (-1, -1)
    return status.st_dev, status.st_ino


def _is_written_to(number: int) -> bool:
    with _open(f"/proc/self/fdinfo/{number}", encoding="ascii") as lines:
        flags = int(next(line for line in lines if line.startswith("flags:")).split()[1], 8)
    return bool(flags & _WRITABLE)


def _peer(number: int) -> str:
    """Return the name of what a datagram socket is connected to; streams are told elsewhere."""
    viewed = _socket.socket(fileno=number)
    try:
        if viewed.type != _socket.SOCK_DGRAM:
            return ""
        peer = viewed.getpeername()
    except OSError:  # not connected
        return ""
    finally:
        viewed.detach()
    return ":".join(map(str, peer[:2])) if isinstance(peer, tuple) else os.fsdecode(peer)


def _mapped_together(ignored_bytes: int) -> str:
    """Name memory that other processes may have mapped as well, such as that of a semaphore."""
    try:
        with _open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                span, flags, *_ = line.split(maxsplit=5)
                if flags[1] == "w" and flags[3] == "s":
                    first, _, last = span.partition("-")
                    if int(last, 16) - int(first, 16) != ignored_bytes:
                        name = line.split(maxsplit=5)[5:]
                        return f"memory is shared ({name[0].strip() if name else 'no name'})"
    except OSError:
        return "what memory is shared cannot be told"
    return ""
