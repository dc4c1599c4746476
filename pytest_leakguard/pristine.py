"""What would a test do if nothing had run before it? Asked of a copy of this process.

The copy is forked before the first test and waits. Each question is answered by a child of its own,
so that the copy stays as it is. It is no child of this process: tests that wait for any child do
not wait for it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, final

from pytest_leakguard.child import Parent
from pytest_leakguard.clock import now
from pytest_leakguard.forkable import held_back
from pytest_leakguard.isolate import Limits, run_in_child
from pytest_leakguard.model import Result

#: How much longer than its child the copy itself may take to say something, in seconds.
_MARGIN_SECONDS = 5.0
#: How often the copy looks whether the process that asks is still there, in seconds.
_LOOK_SECONDS = 5.0
_CHUNK_BYTES = 1 << 16
#: Where its end of the connection begins, out of the way of code that expects low numbers.
_HIGH = 200
# Bound here because tests patch the modules, and coverage replaces _exit by one that writes files.
_getpid, _kill, _waitpid = os.getpid, os.kill, os.waitpid
if sys.platform != "win32":
    from fcntl import F_DUPFD_CLOEXEC, fcntl
    from posix import _exit

    _fork, _new_session = os.fork, os.setsid


class UnansweredError(Exception):
    """The copy gave no answer; the text says why."""


@final
class Pristine:
    """A copy of this process as it is when this is made.

    Args:
        answer: Called with each question in a child of the copy.

    Raises:
        OSError: The system refused.
    """

    def __init__(self, answer: Callable[[Any], Result]) -> None:
        near, far = socket.socketpair()
        with near, far:
            # What a signal raises in the hooks of a fork is printed there, and lost.
            with held_back() as mask:
                with warnings.catch_warnings():
                    # CPython 3.12 warns of threads. None of those that are there is in the way.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    child = _fork()
                if not child:
                    _be_between(answer, near, far, mask)
            _waitpid(child, 0)
            far.close()
            if not (said := near.recv(_CHUNK_BYTES)):
                raise OSError("the process could not be copied")
            self._pid = int(said)
            self._pipe = socket.socket(fileno=fcntl(near, F_DUPFD_CLOEXEC, _HIGH))
        self._owner = _getpid()

    def ask(self, question: object, seconds: float) -> Result:
        """Return what a child of the copy answers.

        Args:
            question: Plain data, as JSON has it.
            seconds: How long the child may take.

        Raises:
            UnansweredError: The copy is gone, or took too long.
        """
        if not self._pid or _getpid() != self._owner:
            raise UnansweredError("the copy of the process that judges tests alone is gone")
        message = json.dumps({"question": question, "seconds": seconds}).encode() + b"\n"
        try:
            self._pipe.settimeout(seconds + _MARGIN_SECONDS)
            self._pipe.sendall(message)
            return Result.from_plain(json.loads(_receive(self._pipe)))
        except (OSError, ValueError) as error:
            self.close()
            raise UnansweredError(f"judging it alone failed: {error}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the copy."""
        if self._pid and _getpid() == self._owner:
            with suppress(OSError):  # it has ended
                _kill(self._pid, signal.SIGKILL)
            self._pid = 0
            with suppress(OSError):  # a test has closed it
                self._pipe.close()


def _receive(pipe: socket.socket) -> bytes:
    """Return a line.

    Raises:
        ConnectionError: The other side is gone.
    """
    message = b""
    while not message.endswith(b"\n"):
        part = pipe.recv(_CHUNK_BYTES)
        if not part:
            raise ConnectionError("the copy of the process has ended")
        message += part
    return message


def _be_between(
    answer: Callable[[Any], Result], near: socket.socket, far: socket.socket, mask: set[Any]
) -> NoReturn:
    """Fork the copy and end, so that it has no parent here."""
    try:
        asking = os.getppid()
        _new_session()  # what is typed at the terminal does not reach it
        near.close()
        if copy := _fork():
            far.sendall(str(copy).encode())
        else:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            _be_copy(answer, far, asking)
    finally:
        _exit(0)


def _be_copy(answer: Callable[[Any], Result], pipe: socket.socket, asking: int) -> None:
    """Answer questions until nobody is there to ask."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while True:
        while not poll.poll(_LOOK_SECONDS * 1000):
            _kill(asking, 0)  # raises once it is gone, though a test's process keeps the other end
        said = json.loads(_receive(pipe))
        limits = Limits(execution=said["seconds"], between=said["seconds"])
        result = run_in_child(partial(_answered, answer, said["question"]), limits)
        pipe.sendall(json.dumps(result.to_plain()).encode() + b"\n")


def _answered(answer: Callable[[Any], Result], question: object, _: Parent) -> Result:
    return answer(question)


def find_culprit(
    earlier: list[int], grows_after: Callable[[list[int]], bool], seconds: float
) -> int | None:
    """Return the one of earlier tests after which a test grows; ``None`` if no single one is found.

    Looks at the last first, in groups that double in size, and halves the group that has it.

    Args:
        earlier: Numbers of the tests that ran, in their order.
        grows_after: Tells whether the test grows when some of them have run.
        seconds: How long may be looked.
    """
    deadline = now() + seconds
    end, size = len(earlier), 1
    while end > 0 and now() < deadline:
        group = earlier[max(end - size, 0) : end]
        if grows_after(group):
            while len(group) > 1 and now() < deadline:
                half = len(group) // 2
                group = group[half:] if grows_after(group[half:]) else group[:half]
            return group[0] if len(group) == 1 and (size == 1 or grows_after(group)) else None
        end, size = end - size, size * 2
    return None
