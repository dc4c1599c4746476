"""What does tracemalloc know of an object?"""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from pympler import asizeof

#: ``Py_TPFLAGS_MANAGED_DICT``, and the size of what CPython 3.11 puts before such an object: two
#: words for the dictionary and two for the collector.
MANAGED_DICT = 1 << 4
_PRE_HEADER_BYTES = 4 * 8


def traceback_of(obj: object) -> list[tuple[str, int]] | None:
    """Return the lines that allocated an object, innermost first; ``None`` if it is not traced."""
    if (traceback := tracemalloc.get_object_traceback(obj)) is not None:
        return [(frame.filename, frame.lineno) for frame in reversed(traceback)]
    if sys.version_info[:2] == (3, 11) and type(obj).__flags__ & MANAGED_DICT:
        return _traceback_at(id(obj) - _PRE_HEADER_BYTES)
    return None


def _traceback_at(address: int) -> list[tuple[str, int]] | None:
    # CPython 3.11 looks an instance up at the wrong address (mended in 3.12), so we ask for the
    # right one.
    import ctypes

    look_up: Callable[[int, int], Sequence[tuple[str, int]] | None]
    look_up = ctypes.pythonapi._PyTraceMalloc_GetTraceback
    look_up.argtypes = (ctypes.c_uint, ctypes.c_size_t)
    look_up.restype = ctypes.py_object
    frames = look_up(0, address)
    return None if frames is None else [(file, line) for file, line in frames]


def is_ours(obj: object) -> bool:
    """Tell whether an object was allocated by the measurer itself."""
    lines = traceback_of(obj)
    return lines is not None and lines[0][0].startswith(_PACKAGE)


def sizes_by_line() -> Counter[tuple[str, int]]:
    """Return the traced bytes in use by file and line, the diagnosis's own left out."""
    sizes: Counter[tuple[str, int]] = Counter()
    for statistic in tracemalloc.take_snapshot().statistics("traceback"):
        innermost = list(statistic.traceback)[-_DEPTH:]
        if not any(frame.filename.startswith(_DIAGNOSIS) for frame in innermost):
            sizes[innermost[-1].filename, innermost[-1].lineno] += statistic.size
    return sizes


def steady_growth(looks: Sequence[Counter[tuple[str, int]]]) -> int:
    """Return the bytes by which those lines grew that grew from each look to the next.

    Args:
        looks: Sizes by line, in the order of time; at least two.
    """
    first, last = looks[0], looks[-1]
    return sum(
        size - first[line]
        for line, size in last.items()
        if all(a[line] < b[line] for a, b in pairwise(looks))
    )


#: What the diagnosis calls allocates within so many frames of the diagnosis itself; a test's
#: allocations are further away from it, behind the whole protocol of a run.
_DEPTH = 3
_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_DIAGNOSIS = (
    os.path.dirname(__file__),
    os.path.dirname(asizeof.__file__),
    tracemalloc.__file__,
)
