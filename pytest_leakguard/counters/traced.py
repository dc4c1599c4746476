"""How much longer have blocks become that were allocated since tracing began?

This is for what no other counter sees: growth in place inside one small block, such as a string
that gets longer. A line of code that has more blocks than before is left to the other counters: if
these are flat, it has only replaced what was allocated before tracing began.
"""

from __future__ import annotations

import os
import tracemalloc

_Place = tuple[str, int]
_OURSELVES = os.path.dirname(os.path.dirname(__file__))


class TracedBytes:
    """Bytes by which lines with no more blocks than before have grown, each line's net growth."""

    name = "traced_bytes"
    noun = "traced byte"

    def __init__(self) -> None:
        self._before: dict[_Place, tuple[int, int]] = {}
        self._net: dict[_Place, int] = {}

    def read(self) -> int:
        """Return their number since the first reading; 0 while tracemalloc is off."""
        after = _sizes_by_line() if tracemalloc.is_tracing() else {}
        for place, (size, count) in after.items():
            size_before, count_before = self._before.get(place, (0, 0))
            if 0 < count <= count_before:
                self._net[place] = self._net.get(place, 0) + size - size_before
        self._before = after
        return sum(grown for grown in self._net.values() if grown > 0)


def _sizes_by_line() -> dict[_Place, tuple[int, int]]:
    snapshot = tracemalloc.take_snapshot()
    return {
        (frame.filename, frame.lineno): (statistic.size, statistic.count)
        for statistic in snapshot.statistics("lineno")
        if not (frame := statistic.traceback[0]).filename.startswith(
            (_OURSELVES, tracemalloc.__file__)
        )
    }
