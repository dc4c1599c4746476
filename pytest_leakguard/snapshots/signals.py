"""How is a snapshot taken of a process that is stuck? By a signal, while it runs Python code.

The handler runs in the main thread between two instructions of whatever runs there, so it waits for
nothing that this may hold: it imports nothing, has no finalizer called, and writes past Python's
own streams.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, final

from pytest_leakguard.counters import available
from pytest_leakguard.diagnosis.aside import in_short_stack
from pytest_leakguard.snapshots.model import Snapshot
from pytest_leakguard.snapshots.taking import figures_of, whole_heap

if TYPE_CHECKING:
    from pytest_leakguard.snapshots.keeping import Shelf

_STATUS = "/proc/self/status"
_HANDLED = ("SigCgt:", "SigIgn:")
_write = os.write
_is_enabled, _enable, _disable = gc.isenabled, gc.enable, gc.disable
_CURRENT_TEST = "PYTEST_CURRENT_TEST"


@final
class Trigger:
    """A signal that has a snapshot taken.

    Args:
        shelf: Where it is saved.
        number: The signal.
        root: Directory that file names will be shown relative to.
        worker: Name of this process among those of pytest-xdist; empty without it.
        say: Called with the sentence that tells of each; the descriptor of standard error if none.

    Attributes:
        taken: The files so far.
        disturbances: How many of them were taken while a test was run again.
    """

    def __init__(
        self,
        shelf: Shelf,
        number: signal.Signals,
        *,
        root: str,
        worker: str = "",
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._shelf = shelf
        self._number = number
        self._root = root
        self._worker = worker
        self._say = say or _say
        self._counters = available()
        self._is_taking = False
        self._handler: Any = None
        self.taken: list[Path] = []
        self.disturbances = 0

    def install(self) -> str:
        """Handle the signal from now on, unless somebody else does.

        Returns:
            Why it is not handled, in words; empty if it is.
        """
        name = self._number.name
        if threading.current_thread() is not threading.main_thread():
            return f"{name} can only be handled where tests run in the main thread"
        if _is_handled(self._number):
            return f"{name} has a handler already, which stays"
        with suppress(OSError):  # each snapshot will tell
            self._shelf.prepare()
        self._handler = self._handle
        signal.signal(self._number, self._handler)
        return ""

    def remove(self) -> None:
        """Leave the signal as it was found, unless somebody else handles it by now."""
        if self._handler is not None:
            with suppress(ValueError):  # not the main thread any more
                if signal.getsignal(self._number) is self._handler:
                    signal.signal(self._number, signal.SIG_DFL)
            self._handler = None

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # as called
        if self._is_taking:  # one is enough, and this one sees the other at work
            return
        # A finalizer of the tested code may want a lock that is held by what was interrupted.
        collects = _is_enabled()
        _disable()
        self._is_taking = True
        try:
            self._say(self._take())
        except Exception as error:  # the session goes on, whatever it was in the middle of
            with suppress(Exception):
                self._say(f"no snapshot could be taken: {type(error).__name__}: {error}")
        finally:
            self._is_taking = False
            if collects:
                _enable()

    def _take(self) -> str:
        # Here, and not in the thread: threading may be what was interrupted, and have its lock.
        figures = figures_of(self._counters)
        snapshot, disturbs = self._whole_heap()
        self.disturbances += disturbs
        figures["gc_objects"] = sum(snapshot.tables.type_counts)
        test = os.environ.get(_CURRENT_TEST, "").rpartition(" (")[0]
        header = replace(snapshot.header, test=test, worker=self._worker, figures=figures)
        label = f"{self._number.name}-{test.rpartition('::')[2]}"
        (path,) = self._shelf.save([("", replace(snapshot, header=header))], label)
        self.taken.append(path)
        untraced = "" if header.frame_limit else " (without traces: -X tracemalloc=10 has them)"
        return f"snapshot saved in {path}{untraced}"

    def _whole_heap(self) -> tuple[Snapshot, bool]:
        try:
            return in_short_stack(lambda: whole_heap(self._root))
        except RuntimeError:  # no thread can be started: here it only takes longer
            return whole_heap(self._root)


def _say(sentence: str) -> None:
    with suppress(OSError):
        _write(2, f"leakguard: {sentence}\n".encode("utf-8", "backslashreplace"))


def _is_handled(number: signal.Signals) -> bool:
    """Tell whether a signal has a handler, or is ignored; C code may do so without Python."""
    if signal.getsignal(number) is not signal.SIG_DFL:
        return True
    try:
        with open(_STATUS, encoding="ascii") as lines:
            masks = [int(line.split()[1], 16) for line in lines if line.startswith(_HANDLED)]
    except (OSError, ValueError, IndexError):
        return False
    return any(mask >> (number - 1) & 1 for mask in masks)
