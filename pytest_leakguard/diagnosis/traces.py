"""What does tracemalloc know of an object?"""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import final

from pympler import asizeof

from pytest_leakguard import settle
from pytest_leakguard.diagnosis.aside import in_short_stack

#: ``Py_TPFLAGS_MANAGED_DICT``, and the size of what CPython 3.11 puts before such an object: two
#: words for the dictionary and two for the collector.
MANAGED_DICT = 1 << 4
_PRE_HEADER_BYTES = 4 * 8
#: Returns the lines that allocated a block, from its domain and its address: for CPython 3.11 only,
#: which looks instances up at the wrong address (mended in 3.12), so that we ask for the right one.
_look_up: Callable[[int, int], Sequence[tuple[str, int]] | None] | None = None
if sys.version_info[:2] == (3, 11):
    # Imported before tracing begins: what ctypes keeps would be taken for the test's.
    import ctypes

    _get_traceback = ctypes.pythonapi._PyTraceMalloc_GetTraceback
    _get_traceback.argtypes = (ctypes.c_uint, ctypes.c_size_t)
    _get_traceback.restype = ctypes.py_object
    _look_up = _get_traceback


def traceback_of(obj: object) -> list[tuple[str, int]] | None:
    """Return the lines that allocated an object, innermost first; ``None`` if it is not traced."""
    if (traceback := tracemalloc.get_object_traceback(obj)) is not None:
        return [(frame.filename, frame.lineno) for frame in reversed(traceback)]
    if _look_up is not None and type(obj).__flags__ & MANAGED_DICT:
        lines = _look_up(0, id(obj) - _PRE_HEADER_BYTES)
        return None if lines is None else [(file, line) for file, line in lines]
    return None


def is_ours(obj: object) -> bool:
    """Tell whether an object was allocated by the measurer itself, or for it by what it calls."""
    lines = traceback_of(obj)
    return lines is not None and (
        lines[0][0].startswith(PACKAGE) or any(file == settle.__file__ for file, _ in lines)
    )


#: An allocation traceback: file and line of each frame, innermost first.
Place = tuple[tuple[str, int], ...]
#: Bytes and blocks in use, by where they were allocated.
Look = dict[Place, tuple[int, int]]


@final
@dataclass(frozen=True, slots=True)
class Growth:
    """What was allocated at one place on every run and is still in use.

    Attributes:
        place: Where.
        blocks: How many blocks more there are at the last look than at the first.
        size_bytes: The same in bytes.
    """

    place: Place
    blocks: int
    size_bytes: int


def look() -> Look:
    """Return what is in use by where it was allocated, the diagnosis's own left out."""
    return in_short_stack(_look)


def _look() -> Look:
    found: Look = {}
    for statistic in tracemalloc.take_snapshot().statistics("traceback"):
        lines = [(frame.filename, frame.lineno) for frame in reversed(statistic.traceback)]
        if any(file.startswith(MEASURING) for file, _ in lines[:DEPTH]):
            continue
        # Who had the test run differs from run to run.
        place = tuple(takewhile(lambda line: not line[0].startswith(PACKAGE), lines))
        if len(place) < len(lines) and lines[len(place)][0] == settle.__file__:
            continue
        size, count = found.get(place, (0, 0))
        found[place] = (size + statistic.size, count + statistic.count)
    return found


def steady_bytes(looks: Sequence[Look]) -> int:
    """Return the bytes by which those lines grew that grew from each look to the next.

    Args:
        looks: In the order of time; at least two.
    """
    by_line = []
    for one in looks:
        sizes: Counter[tuple[str, int]] = Counter()
        for place, (size, _) in one.items():
            if place:
                sizes[place[0]] += size
        by_line.append(sizes)
    first, last = by_line[0], by_line[-1]
    return sum(
        size - first[line]
        for line, size in last.items()
        if all(a[line] < b[line] for a, b in pairwise(by_line))
    )


def steady_growth(looks: Sequence[Look], runs: int) -> list[Growth]:
    """Return the places where every run leaves exactly as much behind, most bytes first.

    Blocks decide where their number changes: from each look to the next it must have grown by the
    same multiple of the runs. A block that is none more must have become longer each time.

    Args:
        looks: In the order of time; at least two.
        runs: Runs from each look to the next.
    """
    found = []
    for place in filter(None, looks[-1]):
        seen = [one.get(place, (0, 0)) for one in looks]
        sizes = [b[0] - a[0] for a, b in pairwise(seen)]
        counts = [b[1] - a[1] for a, b in pairwise(seen)]
        if any(counts):
            grew = counts[0] > 0 and counts[0] % runs == 0 and len(set(counts)) == 1
        else:
            grew = min(sizes) > 0
        if grew:
            found.append(Growth(place, sum(counts), sum(sizes)))
    return sorted(found, key=lambda growth: -growth.size_bytes)


#: What the diagnosis calls allocates within so many frames of the diagnosis itself; a test's
#: allocations are further away from it, behind the whole protocol of a run.
DEPTH = 3
PACKAGE = os.path.dirname(os.path.dirname(__file__))
MEASURING = (
    os.path.dirname(__file__),
    os.path.dirname(asizeof.__file__),
    tracemalloc.__file__,
)
