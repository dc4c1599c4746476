"""How do re-runs happen in a child process, so that the session's own never sees them?

The child is forked when the first run is over. It says over a pipe when an execution begins and
ends, at last the result, and is gone; it may also crash, exit, hang or be killed, and then the
parent says in which execution.
"""

from __future__ import annotations

import json
import os
import pickle  # for what ends a session: it comes from our own child
import random
import re
import select
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import final

from pytest_leakguard.child import BEGUN, ENDED, NOT_DELIVERED, Parent, be_child
from pytest_leakguard.clock import now
from pytest_leakguard.forkable import held_back
from pytest_leakguard.model import Result
from pytest_leakguard.runner import Subject
from pytest_leakguard.settings import Settings
from pytest_leakguard.units import format_duration

#: Part of the time that any execution may take: a loaded machine pauses a process for as long.
STALL_SECONDS = 1.0
#: How many times longer than its first run an execution may take. Under a tracer that notes whole
#: call stacks, code was seen to take up to 26 times as long.
SLOWER = 100
#: How long may pass between two executions, in seconds: a diagnosis walks the whole heap.
BETWEEN_SECONDS = 300.0

_PIPE_BYTES = 1 << 16
#: How often it is looked whether the child has ended, in milliseconds: the end of the pipe says it
#: at once, unless a process that the child has started keeps it open.
_LOOK_MS = 100
#: The same once the pipe is closed: the child is as good as gone, unless a test has closed it.
_END_MS = 2
_FRAME = re.compile(r'File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)')
# Bound here because tests patch the modules.
_close, _kill, _pipe, _read = os.close, os.kill, os.pipe, os.read
_getstate, _waitpid = random.getstate, os.waitpid
if sys.platform != "win32":
    _fork, _kill_group, _set_group = os.fork, os.killpg, os.setpgid


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long the parent waits for a sign of life.

    Attributes:
        execution: For the end of an execution that has begun, in seconds.
        between: For the next one to begin, or the result, in seconds.
        total: For the result, in seconds, whatever the signs of life.
    """

    execution: float
    between: float
    total: float = float("inf")

    @classmethod
    def of(cls, settings: Settings, own_seconds: float) -> Limits:
        """Derive the limits from what the user allows and what the first run took.

        Args:
            settings: How the test is checked.
            own_seconds: Duration of its first run, in seconds.
        """
        execution = settings.confirm + STALL_SECONDS + own_seconds * SLOWER
        return cls(execution=execution, between=execution + BETWEEN_SECONDS)


def check_in_child(
    judge: Callable[[Subject], Result],
    subject: Subject,
    limits: Limits,
    interrupts: tuple[type[BaseException], ...] = (),
) -> Result:
    """Judge a test in a forked child, and return what the child has found.

    Args:
        judge: Runs its argument again and again and judges it; called in the child.
        subject: What is run.
        limits: How long it may take.
        interrupts: Exceptions that end a session, KeyboardInterrupt and its like aside.

    Raises:
        BaseException: What the re-runs have raised to end the session, such as KeyboardInterrupt.
    """
    return run_in_child(lambda parent: judge(parent.told_of(subject)), limits, interrupts)


def run_in_child(
    work: Callable[[Parent], Result],
    limits: Limits,
    interrupts: tuple[type[BaseException], ...] = (),
) -> Result:
    """Do something in a forked child, and return the result that it has there.

    A child that does not say leaves the result inconclusive, with the reason. When this returns or
    raises, the child and its process group are gone.

    Args:
        work: Called in the child with what tells this process of its executions.
        limits: How long it may take.
        interrupts: Exceptions that end a session, KeyboardInterrupt and its like aside.

    Raises:
        BaseException: What the work has raised to end the session, such as KeyboardInterrupt.
    """
    reading, writing = _pipe()
    child: _Child | None = None
    try:
        with held_back() as mask:
            dice = _getstate()
            with warnings.catch_warnings():
                # CPython 3.12 warns of threads. Those there are were looked at: none is in the way.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = _fork()
            if not pid:
                be_child(work, writing, (mask, dice), interrupts)
            child = _Child(pid)
            with suppress(OSError):  # the child was faster, and may even be gone
                _set_group(pid, pid)
        _close(writing)
        writing = -1
        return _listen(child, reading, limits)
    finally:
        _close(reading)
        if writing >= 0:
            _close(writing)
        if child is not None:
            child.end()


class _Child:
    """The child as its parent knows it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._status: int | None = None
        self._is_gone = False

    def has_ended(self, flags: int = getattr(os, "WNOHANG", 0)) -> bool:
        """Tell whether it has ended, and have it leave no trace if so."""
        if not self._is_gone:
            try:
                ended, status = _waitpid(self._pid, flags)
            except ChildProcessError:  # the session collects all children by itself
                self._is_gone = True
            else:
                self._is_gone = bool(ended)
                self._status = status if ended else None
        return self._is_gone

    def end(self) -> None:
        """End it, with everything that it has started in its group."""
        with suppress(OSError):  # nobody is left
            _kill_group(self._pid, signal.SIGKILL)
        with suppress(OSError):  # it has not yet come to its group
            if not self._is_gone:
                _kill(self._pid, signal.SIGKILL)
        self.has_ended(0)

    def in_words(self) -> str:
        """Say how it has ended by itself."""
        if self._status is None:
            return "ended"
        if os.WIFSIGNALED(self._status):
            return f"ended by signal {_signal_name(os.WTERMSIG(self._status))}"
        code = os.WEXITSTATUS(self._status)
        if code == NOT_DELIVERED:
            return "closed the pipe by which they report"
        return f"exited with {code} by os._exit"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one for real-time use
        return str(number)


def _listen(child: _Child, pipe: int, limits: Limits) -> Result:
    """Wait for the child's result, or for the reason why there will be none."""
    heard = _Heard()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    pause = _LOOK_MS
    began = latest = now()
    while True:
        if now() - began > limits.total:
            return heard.broken(f"took more than {format_duration(limits.total)}")
        if poll.poll(pause):
            if not (part := _read(pipe, _PIPE_BYTES)):
                poll.unregister(pipe)
                pause = _END_MS
            elif heard.take(part):
                return heard.result()
            latest = now()
        elif child.has_ended():
            if not poll.poll(0):
                return heard.broken(child.in_words())
        else:
            limit = limits.execution if heard.is_running else limits.between
            if now() - latest > limit:
                return heard.broken(f"did not end within {format_duration(limit)}")


class _Heard:
    """What the child has said so far.

    Attributes:
        executions: How often the test ran in all, its own run included.
        is_running: Whether the last one has not ended yet.
    """

    def __init__(self) -> None:
        self.executions = 1
        self.is_running = False
        self._message = b""

    def take(self, part: bytes) -> bool:
        """Take in what was read, and tell whether it is complete."""
        if not self._message:
            rest = part.lstrip(BEGUN + ENDED)
            told, part = part[: len(part) - len(rest)], rest
            self.executions += told.count(BEGUN)
            if told:
                self.is_running = told.endswith(BEGUN)
        self._message += part
        return self._message.startswith(b"{") and self._message.endswith(b"\n")

    def result(self) -> Result:
        """Return the result that the message has.

        Raises:
            BaseException: What the re-runs have raised to end the session.
        """
        said = json.loads(self._message)
        if "raised" in said:
            raise pickle.loads(bytes.fromhex(said["raised"]))  # noqa: S301  # from our own child
        if "failed" in said:
            return self.broken(f"failed with {said['failed']}")
        return Result.from_plain(said["result"])

    def broken(self, how: str) -> Result:
        """Return that the re-runs ended before their time.

        Args:
            how: What became of them, in words that follow their name.
        """
        when = "in" if self.is_running else "after"
        at = _crash_site(self._message)
        reason = f"the isolated re-runs {how} {when} execution {self.executions}{at}"
        return Result(verdict="inconclusive", reason=reason, executions=self.executions)


def _crash_site(message: bytes) -> str:
    """Return the innermost line of a traceback that faulthandler has written."""
    if found := _FRAME.search(message.decode("utf-8", "replace")):
        return f", at {PurePath(found['file']).name}:{found['line']} in {found['function']}"
    return ""
