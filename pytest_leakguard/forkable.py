"""What of this process does a fork not carry over, so that re-runs cannot happen in a child?

A fork copies memory and one thread. It shares descriptors, which is harmless for files as far as
their offsets go, and not for a connection: two processes would take turns in one conversation.
"""

from __future__ import annotations

import _socket  # tests replace the class of the public one
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, final

from pytest_leakguard.counters.children import describe_children

#: Whether this platform forks at all.
CAN_FORK = hasattr(os, "fork") and hasattr(os, "killpg")
NO_FORK = "this platform cannot fork"
_DESCRIPTORS = "/dev/fd"
#: The kind of what has no file: polled descriptors, timers, and the like.
_NO_KIND = 0
_POLLED = "anon_inode:[eventpoll]"
_LOW_HALF = 0xFFFFFFFF
_looks_for_children: Any = getattr(os, "waitid", None)
_ZOMBIE = "(zombie)"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Harness:
    """What belongs to those who run the tests, and is not used by any of them.

    Attributes:
        modules: Top-level names of the modules whose threads only serve those of other processes.
        connections: Called for the descriptors of their connections.
    """

    modules: frozenset[str] = frozenset({"execnet", "pytest_rerunfailures"})
    connections: Callable[[], Collection[int]] = tuple


def obstacle(harness: Harness) -> str:
    """Return what keeps a fork from being as good as this process; empty if nothing does."""
    if not CAN_FORK:
        return NO_FORK
    threads = _threads(harness.modules)
    connections = _connections(harness.connections())
    for found in (threads, _children(), connections, _wake_ups(), _polls()):
        for what in found:
            return f"{what}, which a fork does not carry"
    return ""


def _threads(harness: frozenset[str]) -> Iterator[str]:
    """Name the other threads, those included that ``threading`` did not start."""
    own = threading.get_ident()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames()  # noqa: SLF001  # the only list of all threads
    others = [
        ident
        for ident, frame in frames.items()
        if ident != own and not _runs_code_of(harness, frame)
    ]
    del frames
    for ident in others:
        yield f"thread {names[ident]!r} runs" if ident in names else "a thread without a name runs"


def _runs_code_of(modules: frozenset[str], frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in modules:
            return True
        frame = frame.f_back
    return False


def _children() -> Iterator[str]:
    """Name child processes that are running: a forked child can neither wait for nor ask them."""
    try:
        _looks_for_children(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (TypeError, AttributeError, ChildProcessError):  # none; or the system does not say
        return
    tracker = getattr(
        sys.modules.get("multiprocessing.resource_tracker"), "_resource_tracker", None
    )
    harmless = getattr(tracker, "_pid", None)  # spoken to by a pipe only
    for pid, described in describe_children().items():
        if pid != harmless and not described.endswith(_ZOMBIE):
            name = described.removeprefix(f"process {pid} ").rpartition(" (")[0]
            yield f"child process {name!r} runs"


def _connections(spared: Collection[int]) -> Iterator[str]:
    """Name the connections of streams; pairs of sockets that a process made for itself are none."""
    for number in _of_kind(stat.S_IFSOCK):
        if number in spared:
            continue
        try:
            viewed = _socket.socket(fileno=number)
        except OSError:  # closed meanwhile
            continue
        try:
            if viewed.type != _socket.SOCK_DGRAM:
                with suppress(OSError):  # not connected
                    ends = [viewed.getpeername(), viewed.getsockname()]
                    if named := [_in_words(end) for end in ends if end]:
                        yield f"a connection to {named[0]} is open"
        finally:
            viewed.detach()


def _in_words(address: object) -> str:
    if isinstance(address, tuple):
        return ":".join(map(str, address[:2]))
    return os.fsdecode(address) if isinstance(address, (str, bytes)) else str(address)


def _of_kind(kind: int) -> Iterator[int]:
    for number in _descriptors():
        with suppress(OSError):  # that of the listing, which is closed
            if stat.S_IFMT(os.fstat(number).st_mode) == kind:
                yield number


def _descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_DESCRIPTORS)]
    except OSError:
        return []


def _wake_ups(_set: Callable[[int], int] = signal.set_wakeup_fd) -> Iterator[str]:
    """Tell of an event loop that handles signals: those of the child would reach it."""
    with suppress(ValueError):  # only the main thread may ask
        if (number := _set(-1)) != -1:
            _set(number)
            yield "an event loop that handles signals is open"


def _polls() -> Iterator[str]:
    """Tell of sets of polled descriptors that cannot be made anew, since they are not Python's."""
    for number in poll_sets():
        if polled(number) is None:
            yield "an event loop of native code is open"


def poll_sets() -> list[int]:
    """Return the descriptors that poll others, on Linux; an event loop has one."""
    if sys.platform != "linux":
        return []
    return [
        number
        for number in _of_kind(_NO_KIND)
        if os.readlink(f"{_DESCRIPTORS}/{number}") == _POLLED
    ]


def polled(number: int) -> dict[int, int] | None:
    """Return which descriptors are polled by another one, each with its events.

    Returns:
        ``None`` when they were registered with more than their number, which Python does not do.
    """
    events: dict[int, int] = {}
    with open(f"/proc/self/fdinfo/{number}", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("tfd:"):
                words = line.replace(":", " ").split()
                said = dict(zip(words[::2], words[1::2], strict=False))
                target = int(said["tfd"])
                if int(said["data"], 16) & _LOW_HALF != target:
                    return None
                events[target] = int(said["events"], 16)
    return events
