"""What does a run call? Asked of a suspect, by running it once more under a profile function."""

from __future__ import annotations

import os
import sys
from _tracemalloc import stop as _stop_tracing  # what the public function calls
from collections.abc import Callable
from types import FrameType
from typing import Any

from pytest_leakguard.runner import Trial

_getpid, _getppid = os.getpid, os.getppid  # tests patch the module
#: What runs tests, as far as it asks in which process it is.
_HARNESS = frozenset({"_pytest", "execnet", "pytest_leakguard", "xdist"})
#: Packages that freeze or move the clock.
_CLOCK_SETTERS = ("freezegun", "time_machine")


def toggles_tracing(trial: Trial) -> bool:
    """Run once more and tell whether the test itself stops tracemalloc.

    CPython before 3.13 loses some 33 native bytes for each line traced whenever that happens.
    """
    return _sees(trial, lambda _, event, called: event == "c_call" and called is _stop_tracing)


def sets_clock(trial: Trial) -> bool:
    """Run once more and tell whether the test freezes or moves the clock."""
    files = tuple(
        os.path.dirname(path) if os.path.basename(path) == "__init__.py" else path
        for name in _CLOCK_SETTERS
        if (path := getattr(sys.modules.get(name), "__file__", None))
    )
    if not files:
        return False
    return _sees(
        trial,
        lambda frame, event, _: event == "call" and frame.f_code.co_filename.startswith(files),
    )


def asks_for_process(trial: Trial) -> str:
    """Run once more and return where code asks in which process it is; empty if none does.

    The standard library is left aside: it asks for the sake of names and records.
    """
    places: list[str] = []

    def asks(frame: FrameType, event: str, called: object) -> bool:
        if event != "c_call" or (called is not _getpid and called is not _getppid):
            return False
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        if module in sys.stdlib_module_names or module in _HARNESS:
            return False
        places.append(f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}")
        return True

    _sees(trial, asks)
    return places[0] if places else ""


def _sees(trial: Trial, wanted: Callable[[FrameType, str, object], bool]) -> bool:
    """Run once more and tell whether a call was a wanted one."""
    seen = False

    def watch(frame: FrameType, event: str, called: object) -> None:
        nonlocal seen
        seen = seen or wanted(frame, event, called)

    before: Any = sys.getprofile()
    sys.setprofile(watch)
    try:
        trial.run()
    finally:
        if before is None or callable(before):
            sys.setprofile(before)
        else:  # before CPython 3.12, cProfile's is no function
            before.enable()
    return seen
