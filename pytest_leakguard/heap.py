"""How is the heap kept out of the way while runs are measured?

Freezing moves everything that exists into the collector's permanent generation: a collection and a
listing then touch only what is new, whatever the heap's size.
"""

from __future__ import annotations

import gc
from types import TracebackType

from pytest_leakguard.clock import now

#: Share of the elapsed time that full collections of the thawed heap may take. They were 77 % of a
#: whole checked run when made once per test.
FULL_COLLECTION_SHARE = 0.03
#: At least this long apart, in seconds: each one empties the interpreter's free lists.
LEAST_INTERVAL = 1.0
#: What the first one is taken to cost, in seconds: a heap of about a million objects.
FIRST_GUESS = 0.3
#: The middle generation is never collected by itself during re-runs, so that no garbage is
#: promoted out of the reach of ``gc.collect(1)`` and the collector's pace stays what it was.
_NEVER = 1_000_000
# Bound here because tests patch and mock the module's functions.
_collect, _freeze, _unfreeze = gc.collect, gc.freeze, gc.unfreeze


class Heap:
    """The heap as one context: frozen inside (if wanted), as it was afterwards."""

    def __init__(self, *, frozen: bool = True) -> None:
        self.frozen = frozen
        self._was_enabled = True
        self._thresholds = (700, 10, 10)

    def __enter__(self) -> Heap:
        self._was_enabled = gc.isenabled()
        self._thresholds = gc.get_threshold()
        _collect(1)
        if self.frozen:
            if self._thresholds[0]:
                gc.set_threshold(self._thresholds[0], _NEVER, _NEVER)
            _freeze()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.frozen:
            _unfreeze()
            gc.set_threshold(*self._thresholds)
        if self._was_enabled:
            gc.enable()
        else:
            gc.disable()

    def collect_young(self) -> None:
        """Free the garbage of the last run; complete unless older objects became garbage."""
        _collect(1 if self.frozen else 2)

    def collect_all(self) -> None:
        """Free all garbage that is not frozen, and empty the interpreter's free lists."""
        _collect()

    def refreeze(self) -> None:
        """Make everything that exists now invisible to counts and listings."""
        _collect()
        if self.frozen:
            _freeze()


class Pacer:
    """Rations full collections of the whole heap over a session.

    A collection of a frozen heap makes CPython believe that the heap is small, and so collect it
    too often later; a full collection of the thawed heap repairs that and frees old garbage.
    """

    def __init__(self) -> None:
        self._started = self._latest = now()
        self._spent = 0.0
        self._last = FIRST_GUESS

    def collect_if_due(self, *, after_suspect: bool = False) -> None:
        """Collect the thawed heap when its share of the elapsed time allows it.

        Args:
            after_suspect: Collect in any case: a suspect's runs have collected the frozen heap.
        """
        begun = now()
        allowed = (begun - self._started) * FULL_COLLECTION_SHARE
        due = begun - self._latest >= LEAST_INTERVAL and self._spent + self._last <= allowed
        if after_suspect or due:
            _collect()
            self._latest = now()
            self._last = self._latest - begun
            self._spent += self._last
