"""How are samples of a session kept in bounded memory, however long it takes?

In arrays of one size, made once. When they are full, every second sample is dropped and only every
second one is kept from then on: what remains is spread evenly, and the shape stays. The highest
value of each series is kept apart, so that no peak is thinned away.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import final

from pytest_leakguard.monitored import Curve

#: Samples that are kept at most.
MOST_SAMPLES = 512
#: Stands for a value that was not read.
ABSENT = -1
_NS = 1_000_000_000


@final
class CurveRecorder:
    """Keeps samples of several series.

    Args:
        names: What is sampled.
        most: Samples that are kept at most; even, and at least 4.
    """

    def __init__(self, names: Sequence[str], most: int = MOST_SAMPLES) -> None:
        if most < 4 or most % 2:
            raise ValueError(f"most is an even number of at least 4 (got {most})")
        self._names = tuple(names)
        self._most = most
        self._times_ns = array("q", bytes(8 * most))
        self._tests = array("q", bytes(8 * most))
        self._columns = [array("q", bytes(8 * most)) for _ in self._names]
        self._latest = array("q", [ABSENT] * (len(self._names) + 2))
        self._peaks = array("q", [ABSENT] * len(self._names))
        self._peak_tests = [""] * len(self._names)
        self._length = 0
        self._stride = 1
        self._skipped = 0
        self._kept_latest = True

    def __len__(self) -> int:
        """Return how many samples are kept."""
        return self._length

    def add(self, time_ns: int, tests: int, values: Sequence[int], test: str) -> None:
        """Add a sample.

        Args:
            time_ns: When it was taken, since the beginning, in nanoseconds.
            tests: How many tests were over.
            values: One for each name; ``ABSENT`` for what was not read.
            test: After which test; empty between tests.
        """
        for column, value in enumerate(values):
            if value > self._peaks[column]:
                self._peaks[column] = value
                self._peak_tests[column] = test
        self._skipped += 1
        if self._skipped >= self._stride and self._length == self._most:
            self._thin()  # so that this one is to be skipped
        self._kept_latest = self._skipped >= self._stride
        if not self._kept_latest:
            self._latest[0], self._latest[1] = time_ns, tests
            for column, value in enumerate(values):
                self._latest[column + 2] = value
            return
        self._skipped = 0
        self._put(time_ns, tests, values)

    def _put(self, time_ns: int, tests: int, values: Sequence[int]) -> None:
        position = self._length
        self._times_ns[position], self._tests[position] = time_ns, tests
        for column, value in zip(self._columns, values, strict=True):
            column[position] = value
        self._length += 1

    def _thin(self) -> None:
        half = self._most // 2
        for column in (self._times_ns, self._tests, *self._columns):
            column[:half] = column[1::2]  # the last one stays
        self._length = half
        self._stride *= 2

    def curve(self) -> Curve:
        """Return what is kept, and the latest sample in any case."""
        if not self._kept_latest:
            if self._length == self._most:
                self._thin()
            time_ns, tests, *values = self._latest
            self._put(time_ns, tests, values)
            self._kept_latest = True
        return self.so_far()

    def so_far(self) -> Curve:
        """Return what is kept, without a latest sample that may be thinned out."""
        length = self._length
        named = list(zip(self._names, self._columns, strict=True))
        known = {name for name, peak in zip(self._names, self._peaks, strict=True) if peak >= 0}
        return Curve(
            seconds=tuple(round(time / _NS, 3) for time in self._times_ns[:length]),
            tests=tuple(self._tests[:length]),
            series={
                name: tuple(None if value < 0 else value for value in column[:length])
                for name, column in named
                if name in known
            },
            peaks={
                name: peak
                for name, peak in zip(self._names, self._peaks, strict=True)
                if name in known
            },
            peak_tests={
                name: test
                for name, test in zip(self._names, self._peak_tests, strict=True)
                if name in known
            },
        )
