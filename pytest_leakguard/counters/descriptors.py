"""How many file descriptors (on Windows: handles) are open?"""

from __future__ import annotations

import _socket
import os
from collections.abc import Callable
from contextlib import suppress

import psutil

_COUNT = "num_fds" if hasattr(psutil.Process, "num_fds") else "num_handles"
_DIRECTORY = "/proc/self/fd"
#: Where they are listed, on systems other than Linux, too.
_LISTED = _DIRECTORY if os.path.isdir(_DIRECTORY) else "/dev/fd"
_listdir = os.listdir  # tests patch the module


def _tells_size(_stat: Callable[[str], os.stat_result] = os.stat) -> bool:
    try:
        return _stat(_DIRECTORY).st_size > 0
    except OSError:
        return False


#: Linux 6.2 and newer give the number of descriptors as the size of their directory, which takes a
#: tenth of the time of listing it.
_SIZE_TELLS = _tells_size()


class Descriptors:
    """Open descriptors of this process: files, sockets, pipes, and the like."""

    name = "fds"
    noun = "file descriptor"

    def __init__(self) -> None:
        self._pid = 0
        self._process = psutil.Process()

    @staticmethod
    def works() -> bool:
        """Tell whether this platform lets a process count its descriptors."""
        return hasattr(psutil.Process, _COUNT)

    def read(self, _stat: Callable[[str], os.stat_result] = os.stat) -> int:
        """Return their number."""
        if _SIZE_TELLS:
            return _stat(_DIRECTORY).st_size
        if self._pid != os.getpid():  # a forked child counts its own
            self._pid = os.getpid()
            self._process = psutil.Process()
        return int(getattr(self._process, _COUNT)())


def list_open() -> list[int]:
    """Return the numbers of the open descriptors; empty where the system does not tell.

    That of the listing itself is among them, and closed by then.
    """
    try:
        return [int(name) for name in _listdir(_LISTED)]
    except OSError:
        return []


def describe_open() -> dict[int, str]:
    """Return what each open descriptor refers to, by number: a path, a socket or a pipe.

    Empty where the system does not tell.
    """
    described: dict[int, str] = {}
    for number in list_open():
        try:
            target = os.readlink(f"{_LISTED}/{number}")
        except OSError:  # the descriptor of the listing itself
            continue
        described[number] = f"fd {number} {_in_words(number, target)}"
    return described


#: What the system calls some kinds, and what Python does.
_KINDS = {"eventpoll": "epoll"}


def _in_words(number: int, target: str) -> str:
    kind = target.partition(":")[0]
    if kind == "socket":
        return _socket_in_words(number)
    if kind == "anon_inode":
        return _KINDS.get(name := target.partition(":")[2].strip("[]"), name)
    if target.startswith("/memfd:"):
        return f"memfd {target.removeprefix('/memfd:').removesuffix(' (deleted)')!r}"
    return kind if kind == "pipe" else target


def _socket_in_words(number: int) -> str:
    # Of the C module: tests replace the class of the public one.
    try:
        viewed = _socket.socket(fileno=number)
    except OSError:
        return "socket"
    try:
        ends = []
        for ask in (viewed.getsockname, viewed.getpeername):
            with suppress(OSError):
                ends.append(_address_in_words(ask()))
        return " ".join(["socket", " -> ".join(filter(None, ends))]).strip()
    finally:
        viewed.detach()


def _address_in_words(address: object) -> str:
    if isinstance(address, tuple):
        return ":".join(map(str, address[:2]))
    return os.fsdecode(address) if isinstance(address, (str, bytes)) else ""
