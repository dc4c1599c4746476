"""How much does the C library's allocator hold, in use and free?

psutil tells what is in use. Of what is free glibc tells as well, from version 2.33 on.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from pytest_leakguard.counters import native
from pytest_leakguard.memory_table import NativeHeap

#: The fields of glibc's ``struct mallinfo2`` (malloc.h), in their order.
_FIELDS = (
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost",
)


def read_c_heap() -> NativeHeap | None:
    """Return what the C library's allocator holds; ``None`` where it does not tell."""
    if not native.NativeBytes.works():
        return None
    found = native._heap_info()
    in_use, mapped = int(found.heap_used), int(found.mmap_used)
    if (mallinfo2 := _mallinfo2()) is None:
        return NativeHeap(in_use_bytes=in_use, mapped_bytes=mapped)
    told = mallinfo2()
    return NativeHeap(
        in_use_bytes=in_use,
        free_bytes=int(told.fordblks),
        top_bytes=int(told.keepcost),
        mapped_bytes=mapped,
    )


@functools.cache
def _mallinfo2() -> Callable[[], Any] | None:  # it returns a struct of C
    """Return glibc's function; ``None`` where there is none."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (OSError, ImportError, AttributeError):
        return None

    class Figures(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]  # as ctypes has it

    mallinfo2.argtypes, mallinfo2.restype = [], Figures
    return mallinfo2
