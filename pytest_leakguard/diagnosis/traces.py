"""What does tracemalloc know of an object?"""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

from pympler import asizeof

#: ``Py_TPFLAGS_MANAGED_DICT``, and the size of what CPython 3.11 puts before such an object: two
#: words for the dictionary and two for the collector.
_MANAGED_DICT = 1 << 4
_PRE_HEADER_BYTES = 4 * 8


def traceback_of(obj: object) -> list[tuple[str, int]] | None:
    """Return the lines that allocated an object, innermost first; ``None`` if it is not traced."""
    if (traceback := tracemalloc.get_object_traceback(obj)) is not None:
        return [(frame.filename, frame.lineno) for frame in reversed(traceback)]
    if sys.version_info[:2] == (3, 11) and type(obj).__flags__ & _MANAGED_DICT:
        return _traceback_at(id(obj) - _PRE_HEADER_BYTES)
    return None


def _traceback_at(address: int) -> list[tuple[str, int]] | None:
    # CPython 3.11 looks an instance up at the wrong address (mended in 3.12), so we ask for the
    # right one.
    import ctypes

    look_up: Callable[[int, int], Sequence[Any] | None]
    look_up = ctypes.pythonapi._PyTraceMalloc_GetTraceback
    look_up.argtypes = (ctypes.c_uint, ctypes.c_size_t)  # type: ignore[attr-defined]  # a C function
    look_up.restype = ctypes.py_object  # type: ignore[attr-defined]  # a C function
    frames = look_up(0, address)
    return None if frames is None else [(file, line) for file, line in frames]


def foreign_bytes() -> int:
    """Return the traced bytes in use that were not allocated by the diagnosis itself."""
    snapshot = tracemalloc.take_snapshot()
    return sum(
        statistic.size
        for statistic in snapshot.statistics("filename")
        if not statistic.traceback[0].filename.startswith(_DIAGNOSIS)
    )


#: Files whose allocations are the diagnosis's own: this package, and what it calls.
_DIAGNOSIS = (
    os.path.dirname(os.path.dirname(__file__)),
    os.path.dirname(asizeof.__file__),
    tracemalloc.__file__,
)
