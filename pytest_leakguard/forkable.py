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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, final

from pytest_leakguard.counters.children import describe_children
from pytest_leakguard.counters.descriptors import list_open
from pytest_leakguard.settle import until_ended

#: Whether this platform forks at all.
CAN_FORK = hasattr(os, "fork") and hasattr(os, "killpg")
#: Whether copies are made that nobody has asked for. macOS has frameworks that do not survive it.
CAN_COPY = CAN_FORK and sys.platform.startswith("linux")
NO_FORK = "this platform cannot fork"
#: Ending a terminal's session must not reach a parent that does not know its child yet.
_HELD_BACK = frozenset({signal.SIGINT, signal.SIGTERM})
#: Modules whose threads serve other processes, or wait for us.
_SERVING = frozenset({"execnet", "pytest_leakguard", "pytest_rerunfailures"})
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
        interrupts: Exceptions by which code ends a session, KeyboardInterrupt and its like aside.
    """

    modules: frozenset[str] = _SERVING
    connections: Callable[[], Collection[int]] = tuple
    interrupts: tuple[type[BaseException], ...] = ()


class Obstacles:
    """Finds what keeps a fork from being as good as this process.

    Args:
        harness: What is no obstacle.
    """

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._staying: set[int] = set()

    def first(self, *, but_threads: bool = False) -> str:
        """Return one of them in words; empty if there is none.

        Args:
            but_threads: Whether other threads are none.
        """
        if not CAN_FORK:
            return NO_FORK
        threads = iter(()) if but_threads else self._threads()
        connections = _connections(self._harness.connections())
        for found in (threads, _children(), connections, _wake_ups(), _polls()):
            for what in found:
                return f"{what}, which a fork does not carry"
        return ""

    def _threads(self) -> Iterator[str]:
        """Name the other threads; those that were not there before may be about to end."""
        others = other_threads(self._harness.modules)
        if not others <= self._staying:
            until_ended(lambda: not other_threads(self._harness.modules) <= self._staying)
            self._staying = others = other_threads(self._harness.modules)
        if others:
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            named = [names[ident] for ident in others if ident in names]
            yield f"thread {min(named)!r} runs" if named else "a thread without a name runs"


def other_threads(harness: frozenset[str] = _SERVING) -> set[int]:
    """Return the identities of the other threads, whether ``threading`` knows of them or not.

    Args:
        harness: Top-level names of modules whose threads are left out.
    """
    own = threading.get_ident()
    frames = sys._current_frames()  # noqa: SLF001  # the only list of all threads
    return {
        ident
        for ident, frame in frames.items()
        if ident != own and not _runs_code_of(harness, frame)
    }


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
    for number in list_open():
        with suppress(OSError):  # that of the listing, which is closed
            if stat.S_IFMT(os.fstat(number).st_mode) == kind:
                yield number


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


@contextmanager
def held_back() -> Iterator[set[Any]]:
    """Have signals that end a session wait; yields the mask that was."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
