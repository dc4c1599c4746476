"""How are samples of the counters taken and kept, so that keeping them is not seen by the next?"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from pytest_leakguard.counters import Counter

_CAPACITY = 512


class Sampler:
    """Samples of several counters, kept in preallocated arrays so that keeping costs nothing."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        self.counters = tuple(counters)
        self._columns = tuple(array("q", bytes(8 * _CAPACITY)) for _ in self.counters)
        self._pairs = tuple(zip(self.counters, self._columns, strict=True))
        self._runs = array("q", bytes(8 * _CAPACITY))
        self._earlier = array("q", bytes(8 * len(self.counters)))
        self._has_earlier = False
        self._taken = 0

    def restart(self) -> None:
        """Forget all samples: the next one is a new baseline."""
        if self._taken:
            for place, column in enumerate(self._columns):
                self._earlier[place] = column[self._taken - 1]
            self._has_earlier = True
        self._taken = 0

    def take(self, runs_done: int) -> None:
        """Read every counter once.

        Args:
            runs_done: Executions of the test so far.
        """
        self.number(runs_done)
        self.read()

    def number(self, runs_done: int) -> None:
        """Note how many executions the next sample is taken after.

        Apart from the reading, where no number above 256 may be alive that was not alive before.
        """
        self._runs[self._taken] = runs_done

    def read(self) -> None:
        """Read every counter once, for the sample that has been numbered."""
        index = self._taken
        for counter, column in self._pairs:
            column[index] = counter.read()
        self._taken = index + 1

    def thin(self) -> None:
        """Keep the first sample and every second one after it: half as many of the same shape."""
        for column in (self._runs, *self._columns):
            kept = column[: self._taken : 2]
            column[: len(kept)] = kept
        self._taken = (self._taken + 1) // 2

    @property
    def taken(self) -> int:
        """How many samples there are."""
        return self._taken

    def runs(self) -> array[int]:
        """Return how many executions had been done at each sample."""
        return self._runs[: self._taken]

    def columns(self) -> Iterator[tuple[str, array[int]]]:
        """Yield each counter's name and its samples so far.

        Arrays, because tuples and lists that are dropped go to the interpreter's free lists, one
        for each length, and would count as blocks in use.
        """
        for counter, column in self._pairs:
            yield counter.name, column[: self._taken]

    def series(self) -> dict[str, tuple[int, ...]]:
        """Return the samples so far, by counter name."""
        return {counter.name: tuple(column[: self._taken]) for counter, column in self._pairs}

    def grew(self, names: frozenset[str]) -> bool:
        """Tell whether one of the named counters now reads more than at its last sample.

        That may be one from before a restart.
        """
        more = False  # before the first sample everything is read as later, and says no
        for place, (counter, column) in enumerate(self._pairs):
            if counter.name in names:
                last = column[self._taken - 1] if self._taken else self._earlier[place]
                more = counter.read() > last or more
        return more and (self._taken > 0 or self._has_earlier)
