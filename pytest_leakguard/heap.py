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
#: At least this long apart, in seconds.
LEAST_INTERVAL = 1.0
#: What the first one is taken to cost, in seconds: a heap of about a million objects.
FIRST_GUESS = 0.3
#: Share of the elapsed time that counting the objects of the whole heap may take.
LOOKING_SHARE = 0.002
#: The older generations are never collected by themselves during re-runs, so that nothing is
#: collected at a moment that differs from run to run.
_NEVER = 1_000_000
# Bound here because tests patch and mock the module's functions.
_collect, _freeze, _unfreeze, _get_objects = gc.collect, gc.freeze, gc.unfreeze, gc.get_objects


_contexts = 0


def is_in_use() -> bool:
    """Tell whether something is being measured: what runs now is one run among several."""
    return _contexts > 0


class Heap:
    """The heap as one context: frozen inside (if wanted), as it was afterwards."""

    def __init__(self, *, frozen: bool = True) -> None:
        self.frozen = frozen
        self._was_enabled = True
        self._thresholds = (700, 10, 10)

    def __enter__(self) -> Heap:
        global _contexts  # noqa: PLW0603  # the collector is the process's as well
        _contexts += 1
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
        global _contexts  # noqa: PLW0603
        _contexts -= 1
        if self.frozen:
            _unfreeze()
            gc.set_threshold(*self._thresholds)
        if self._was_enabled:
            gc.enable()
        else:
            gc.disable()

    def collect_young(self) -> None:
        """Free the garbage of a run, as no collection does by itself meanwhile.

        Leaves the free lists alone: a run that has to fill them again is slower.
        """
        _collect(1)

    def collect(self) -> None:
        """Free all garbage that is not frozen, and empty the interpreter's free lists.

        Only a full collection does the latter, and what lies in them counts as blocks in use: a
        leak could feed on a list that is left over, and a sound test fill one up, run by run.
        """
        _collect()

    def objects(self) -> list[object]:
        """Return all that the collector tracks; what is new is frozen with the rest."""
        if not self.frozen:
            return _get_objects()
        _unfreeze()
        objects = _get_objects()
        _freeze()
        return objects

    def thaw(self) -> None:
        """Make what is older visible and collectable again, before the context ends."""
        if self.frozen:
            _unfreeze()

    def refreeze(self) -> None:
        """Make everything that exists now invisible to counts and listings."""
        _collect()
        if self.frozen:
            _freeze()


class Pacer:
    """Keeps the collector's pace over a session what it would be without us.

    A collection of a frozen heap makes CPython (to 3.13) believe that the heap is small, so that
    every test that makes many objects sets off a full collection. Two things make up for it: a
    higher threshold of the oldest generation on large heaps, and full collections of the thawed
    heap, rationed, which free old garbage.
    """

    def __init__(self) -> None:
        self._started = self._latest = now()
        self._spent = 0.0
        self._last = FIRST_GUESS
        self._look_again = float("-inf")
        self._thresholds = self._raised = gc.get_threshold()

    def look(self) -> None:
        """Count the objects of a heap that was just frozen, now and then: the count takes time."""
        begun = now()
        if begun >= self._look_again:
            young, middle, oldest = self._thresholds
            # CPython waits until a quarter as many objects as it knows have survived; each
            # collection of the middle generation is about this many allocations later.
            allocations = max(young, 1) * max(middle, 1)
            needed = gc.get_freeze_count() // 4 // allocations
            self._raised = (young, middle, max(oldest, needed))
            ended = now()
            self._look_again = ended + max(LEAST_INTERVAL, (ended - begun) / LOOKING_SHARE)

    def retire(self) -> None:
        """Look no more: this process is about to end."""
        self._look_again = float("inf")

    def keep_pace(self) -> None:
        """Set the threshold, unless somebody else has set another one."""
        if gc.get_threshold() == self._thresholds:
            gc.set_threshold(*self._raised)

    def restore(self) -> None:
        """Put the threshold back before code of the user's runs that may look at it."""
        if gc.get_threshold() == self._raised:
            gc.set_threshold(*self._thresholds)

    def collect_if_due(self, *, after_suspect: bool = False) -> None:
        """Collect the thawed heap when its share of the elapsed time allows it.

        Args:
            after_suspect: Collect in any case: many runs have left old garbage behind.
        """
        begun = now()
        allowed = (begun - self._started) * FULL_COLLECTION_SHARE
        due = begun - self._latest >= LEAST_INTERVAL and self._spent + self._last <= allowed
        if after_suspect or due:
            _collect()
            self._latest = now()
            self._last = self._latest - begun
            self._spent += self._last
