"""How does a run leave nothing outside of its process? It is ended before the first thing it would.

For children whose runs nobody has asked for: CPython raises an audit event before it opens a file
for writing, removes one, starts a process, connects a socket. A hook that hears of these cannot be
taken out again, which is what a process that is about to end can be given. The few functions that
raise no event are replaced.
"""

from __future__ import annotations

import _posixsubprocess
import _socket  # tests replace the class of the public one
import functools
import os
import stat
import sys
from _thread import get_ident
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, final

from pytest_leakguard.counters.descriptors import list_open
from pytest_leakguard.runner import Subject

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HERE = -1
#: Audit events of what changes a file, by the places of the arguments that are paths, and of the
#: directories' descriptors that these are relative to.
_CHANGING: Mapping[str, tuple[tuple[int, int | None], ...]] = {
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.lchmod": ((0, None),),
    "os.utime": ((0, 3),),
    "os.setxattr": ((0, None),),
    "os.removexattr": ((0, None),),
}
#: Of what reaches other processes, in words.
_REACHING = {
    "os.system": "starts a process",
    "os.exec": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.spawn": "starts a process",
    "subprocess.Popen": "starts a process",
    "pty.spawn": "starts a process",
    "webbrowser.open": "opens a browser",
    "syslog.syslog": "writes to the system's log",
}
#: Functions of ``os`` that make files and raise no event.
_WITHOUT_EVENT = ("mkfifo", "mknod")
_OWN_HOST = frozenset({"127.0.0.1", "::1", "localhost"})
_getpid, _fsdecode = os.getpid, os.fsdecode


@final
class Fence:
    """Holds this process, from now on, to itself and to one directory. This cannot be undone.

    Native code that opens files by itself, and what was open before, are not held back; nor is the
    thread that makes this, but while a subject runs.

    Args:
        directory: Where files may be made and changed.
        refuse: Called with what is about to be done, in words that follow "it"; does not return.
    """

    def __init__(self, directory: str, refuse: Callable[[str], None]) -> None:
        self._inside = os.path.realpath(directory) + os.sep
        self._refuse = refuse
        self._inherited = _sockets()
        self._open = frozenset(list_open())
        self._free = {get_ident()}  # threads
        self._looks: Mapping[str, Callable[..., str]] = {
            "open": self._opens,
            "socket.bind": self._binds,
            "socket.connect": self._sends,
            "socket.sendto": self._sends,
            "socket.sendmsg": self._sends,
            "sqlite3.connect": self._connects_database,
            "fcntl.flock": self._locks,
            "fcntl.lockf": self._locks,
            "os.kill": self._kills,
            "os.killpg": self._kills,
        }
        sys.addaudithook(self._hear)
        for name in _WITHOUT_EVENT:
            self._bar(os, name, lambda path, *_: self._changes(path, None))
        self._bar(_posixsubprocess, "fork_exec", lambda *_: "starts a process")

    def around(self, subject: Subject) -> Subject:
        """Return the same subject with its runs held back."""
        return _Fenced(self._free, subject)

    def _bar(self, module: Any, name: str, look: Callable[..., str]) -> None:
        """Look at the calls of a function that raises no audit event."""
        function = getattr(module, name, None)
        if function is None:
            return

        @functools.wraps(function)
        def barred(*args: Any, **named: Any) -> Any:
            if get_ident() not in self._free and (what := look(*args)):
                self._refuse(what)
            return function(*args, **named)

        setattr(module, name, barred)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        """Look at an event, and refuse what reaches out of the process."""
        thread = get_ident()
        if thread in self._free:  # also while it looks
            return
        self._free.add(thread)
        try:
            what = self._reaches_out(event, arguments)
        finally:
            self._free.discard(thread)
        if what:
            self._refuse(what)

    def _reaches_out(self, event: str, arguments: tuple[object, ...]) -> str:
        if event in _CHANGING:
            return self._changes_any(_CHANGING[event], arguments)
        if event in _REACHING:
            return _REACHING[event]
        look = self._looks.get(event)
        return "" if look is None else look(*arguments)

    def _opens(self, path: object, _: object, flags: object) -> str:
        writes = isinstance(flags, int) and flags & _WRITING
        return self._changes(path, None) if writes else ""

    def _kills(self, target: object, _: object) -> str:
        return "" if target in (_getpid(), 0) else "signals another process"

    def _locks(self, number: object, *_: object) -> str:
        return "locks a file that was open before" if number in self._open else ""

    def _changes_any(
        self, places: tuple[tuple[int, int | None], ...], arguments: tuple[object, ...]
    ) -> str:
        for place, base in places:
            relative_to = None if base is None else arguments[base]
            if what := self._changes(arguments[place], relative_to):
                return what
        return ""

    def _changes(self, path: object, base: object) -> str:
        """Say which file would be changed; empty if none is that the session could see."""
        if not isinstance(path, str | bytes | os.PathLike):  # a descriptor
            return ""
        name = _fsdecode(path)
        if isinstance(base, int) and base != _HERE and not os.path.isabs(name):
            with suppress(OSError):
                name = os.path.join(os.readlink(f"/proc/self/fd/{base}"), name)
        # The last part may be a link that is itself meant: where it stands is what counts.
        where = os.path.join(os.path.realpath(os.path.dirname(name) or os.curdir), "")
        real = os.path.realpath(name)
        if where.startswith(self._inside) and (real + os.sep).startswith(self._inside):
            return ""
        with suppress(OSError):
            if stat.S_ISCHR(os.stat(real).st_mode):  # os.devnull, a terminal
                return ""
        return f"writes to {real}"

    def _connects_database(self, database: object, *_: object) -> str:
        if not isinstance(database, str | bytes | os.PathLike):
            return ""
        name = _fsdecode(database)
        if name in ("", ":memory:") or "mode=memory" in name or name.startswith("file::memory:"):
            return ""
        return self._changes(name.removeprefix("file:").partition("?")[0], None)

    def _binds(self, _: object, address: object) -> str:
        """Say which file a socket would make; empty if it makes none, or where files may be."""
        abstract = ("", "\0", b"", b"\0")
        if not isinstance(address, str | bytes) or address[:1] in abstract:
            return ""
        return self._changes(address, None)

    def _sends(self, _: object, address: object = None) -> str:
        """Say where to; empty if it is to a socket that this process itself has made."""
        if address is None:  # along a connection
            return ""
        with suppress(OSError):
            own = _sockets()
            for inode, names in own.items():
                if inode not in self._inherited and any(_is_same(name, address) for name in names):
                    return ""
        return f"connects to {_in_words(address)}"


@final
class _Fenced:
    def __init__(self, free: set[int], subject: Subject) -> None:
        self._free = free
        self._subject = subject

    def run(self) -> None:
        thread = get_ident()
        self._free.discard(thread)
        try:
            self._subject.run()
        finally:
            self._free.add(thread)


def _is_same(bound: object, address: object) -> bool:
    """Tell whether an address leads to a socket of this machine that is bound to another."""
    if isinstance(bound, tuple) and isinstance(address, tuple):
        return bound[1] == address[1] and (bound[0] == address[0] or address[0] in _OWN_HOST)
    return bound == address or (
        isinstance(bound, str | bytes)
        and isinstance(address, str | bytes)
        and _fsdecode(bound) == _fsdecode(address)
    )


def _in_words(address: object) -> str:
    return ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address)


def _sockets() -> dict[int, list[object]]:
    """Return the names that the sockets of this process are bound to, by their inodes."""
    found: dict[int, list[object]] = {}
    for number in list_open():
        with suppress(OSError):  # that of the listing, which is closed
            status = os.fstat(number)
            if not stat.S_ISSOCK(status.st_mode):
                continue
            viewed = _socket.socket(fileno=number)
            try:
                found.setdefault(status.st_ino, []).append(viewed.getsockname())
            finally:
                viewed.detach()
    return found
