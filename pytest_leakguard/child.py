"""What does a forked child do, from the moment it is there until it is gone?

It says over a pipe when an execution begins and ends, at last the result, and ends without anything
that Python or pytest does at an end.
"""

from __future__ import annotations

import faulthandler
import json
import os
import pickle  # for what ends a session: it goes to our own parent
import random
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from types import TracebackType
from typing import Any, NoReturn, final

from pytest_leakguard import forkable
from pytest_leakguard.model import Result
from pytest_leakguard.runner import Subject

#: What is said when an execution begins and when it has ended.
BEGUN, ENDED = b"[", b"]"
#: How it exits if it could not say what came of it.
NOT_DELIVERED = 70
_SET_PARENT_DEATH_SIGNAL = 1
# Bound here because tests patch the modules, and coverage replaces _exit by one that writes files.
_getpid, _setstate, _write = os.getpid, random.setstate, os.write
if sys.platform != "win32":
    from posix import _exit

    _set_group = os.setpgid


def be_child(
    work: Callable[[Parent], Result],
    pipe: int,
    state: tuple[set[Any], tuple[Any, ...]],
    interrupts: tuple[type[BaseException], ...],
) -> NoReturn:
    """Do it, say what came of it, and end without anything that Python or pytest does at an end."""
    parent = Parent(pipe)
    try:
        _settle_in(pipe, *state)
        try:
            said: dict[str, Any] = {"result": work(parent).to_plain()}
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, interrupts):
                said = {"failed": _in_words(error)}
            else:
                said = {"raised": pickle.dumps(error.with_traceback(None)).hex()}
        parent.hear(said)
    finally:
        _exit(NOT_DELIVERED)


def _settle_in(pipe: int, mask: set[Any], dice: tuple[Any, ...]) -> None:
    """Become a process group that dies with the parent, and share no polled set with it."""
    _set_group(0, 0)
    _setstate(dice)  # as without a fork; CPython seeds it anew
    # A group in the background would be stopped for reading from the terminal.
    for stop in (signal.SIGTTIN, signal.SIGTTOU):
        if signal.getsignal(stop) is signal.SIG_DFL:
            signal.signal(stop, signal.SIG_IGN)
    _die_with_parent()
    for number in forkable.poll_sets():
        _poll_alone(number)
    if faulthandler.is_enabled():  # a crash is told by the parent, and not on its terminal
        faulthandler.enable(file=pipe, all_threads=False)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        with suppress(OSError, ImportError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)


def _poll_alone(number: int) -> None:
    """Replace a set of polled descriptors by an equal one that the parent does not have.

    What is added or taken away in a set that was inherited would be so in the parent as well.
    """
    if sys.platform == "linux":
        events = forkable.polled(number) or {}
        inheritable = os.get_inheritable(number)
        with select.epoll() as fresh:
            for target, wanted in events.items():
                with suppress(OSError):  # closed, yet held by another process
                    fresh.register(target, wanted)
            os.dup2(fresh.fileno(), number, inheritable=inheritable)


@final
class Parent:
    """The parent as its child speaks to it; a process that a run has forked says nothing."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._own = _getpid()

    def told_of(self, subject: Subject) -> Subject:
        """Return the same subject with its executions told, at no cost in memory."""
        return _Announced(self, subject)

    def mark(self, mark: bytes) -> None:
        """Tell that an execution begins or has ended."""
        if _getpid() == self._own:
            _write(self._pipe, mark)

    def hear(self, said: dict[str, Any]) -> None:
        """Say what came of it, and end."""
        if _getpid() == self._own:
            _write_all(self._pipe, json.dumps(said).encode() + b"\n")
            _exit(0)

    def left_with(self, result: Result) -> NoReturn:
        """End at once, wherever the code is that runs, with a result before its time."""
        try:
            self.hear({"result": result.to_plain()})
        finally:
            _exit(NOT_DELIVERED)


@final
class _Announced:
    def __init__(self, parent: Parent, subject: Subject) -> None:
        self._parent = parent
        self._subject = subject

    def run(self) -> None:
        self._parent.mark(BEGUN)
        try:
            self._subject.run()
        finally:
            self._parent.mark(ENDED)


def _write_all(pipe: int, message: bytes) -> None:
    view = memoryview(message)
    while view:
        view = view[_write(pipe, view) :]


def _in_words(error: BaseException) -> str:
    entry: TracebackType | None = error.__traceback__
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    place = ""
    if entry is not None:
        place = f" ({PurePath(entry.tb_frame.f_code.co_filename).name}:{entry.tb_lineno})"
    return f"{type(error).__name__}: {error}{place}"
