"""What does the garbage collector do while tests run: how often, how long, and what is left?

Counts come from ``gc.get_stats()`` between tests. Pauses of the two older generations are timed by
``gc.callbacks``; the youngest is collected every few hundred allocations, so that timing it would
cost about as much as it takes, and its pauses are some ten microseconds each.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, final

from pytest_leakguard.clock import now_ns
from pytest_leakguard.monitor.leading import Leading
from pytest_leakguard.monitored import Collections

_NS = 1_000_000_000
#: Tests, and likewise kinds of exceptions, that are named at most.
_MOST_NAMED = 10
# Bound here because tests patch the module's functions.
_get_stats: Callable[[], list[dict[str, int]]] = gc.get_stats


@final
class CollectorWatch:
    """Listens to collections from :meth:`open` to :meth:`close`."""

    def __init__(self) -> None:
        self._began = 0
        self._pause_ns = 0
        self._pause_before_ns = 0
        self._longest_ns = 0
        self._longest_test = ""
        self._test = ""
        self._slowest = Leading(_MOST_NAMED)
        self._garbage_tests = Leading(_MOST_NAMED)
        self._uncollectable = 0
        self._raising: dict[str, int] = {}
        self._first: list[dict[str, int]] = []
        self._garbage = 0

    def open(self) -> None:
        """Begin to listen."""
        self._first = _get_stats()
        self._uncollectable = _uncollectable(self._first)
        self._garbage = len(gc.garbage)
        self.listen()

    def listen(self) -> None:
        """Be told of collections."""
        if self._heard not in gc.callbacks:
            gc.callbacks.append(self._heard)

    def step_aside(self) -> None:
        """Be told of none, so that nothing of this is found in ``gc.callbacks``."""
        if self._heard in gc.callbacks:
            gc.callbacks.remove(self._heard)

    def close(self) -> None:
        """Listen no more."""
        self.step_aside()

    def _heard(self, phase: str, info: dict[str, Any]) -> None:
        # Any: the interpreter's own dictionary.
        if not info["generation"]:
            return
        if phase == "start":
            self._began = now_ns()
        elif self._began:
            pause = now_ns() - self._began
            self._began = 0
            self._pause_ns += pause
            if pause > self._longest_ns:
                self._longest_ns, self._longest_test = pause, self._test

    def begin(self, test: str) -> None:
        """Note that a test begins."""
        self._test = test
        self._pause_before_ns = self._pause_ns

    def end(self) -> None:
        """Note that it is over."""
        test, self._test = self._test, ""
        if pause := self._pause_ns - self._pause_before_ns:
            self._slowest.offer(pause, test)
            # Whatever a collection could not free shows up when there was one.
            uncollectable = _uncollectable(_get_stats())
            if uncollectable > self._uncollectable:
                self._garbage_tests.offer(uncollectable - self._uncollectable, test)
            self._uncollectable = uncollectable

    def note_raising(self, what: str) -> None:
        """Note that a finaliser has raised something."""
        if what in self._raising or len(self._raising) < _MOST_NAMED:
            self._raising[what] = self._raising.get(what, 0) + 1

    def found(self) -> Collections:
        """Return what was seen so far."""
        last = _get_stats()
        grown = [
            {name: after[name] - before.get(name, 0) for name in after}
            for before, after in zip(self._first, last, strict=True)
        ]
        return Collections(
            runs=tuple(one["collections"] for one in grown),
            collected=sum(one["collected"] for one in grown),
            uncollectable=sum(one["uncollectable"] for one in grown),
            pause_seconds=round(self._pause_ns / _NS, 6),
            longest_seconds=round(self._longest_ns / _NS, 6),
            longest_test=self._longest_test,
            slowest=tuple((test, round(pause / _NS, 6)) for pause, test in self._slowest.all()),
            in_garbage=max(len(gc.garbage) - self._garbage, 0),
            garbage_tests=tuple((test, number) for number, test in self._garbage_tests.all()),
            raising=tuple(sorted(self._raising.items(), key=lambda one: -one[1])),
        )


def _uncollectable(stats: list[dict[str, int]]) -> int:
    return sum(one["uncollectable"] for one in stats)
