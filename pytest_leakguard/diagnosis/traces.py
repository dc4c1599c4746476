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
