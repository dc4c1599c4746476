"""How many bytes does the C library's allocator hand out?

Chunks that wait in glibc's thread cache count as handed out, so that the figure would move by a few
chunks in a sound test, and not move while a small leak uses the cache up. They are taken off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import mul
from typing import Any

import psutil


def _no_heap_info() -> Any:  # what stands for the figures has none
    raise NotImplementedError


# Both are absent where the C library tells nothing, such as on musl; so Any, not the stubs' type.
_heap_info: Callable[[], Any] = getattr(psutil, "heap_info", _no_heap_info)
_heap_trim = getattr(psutil, "heap_trim", None)

#: The thread cache of 64-bit glibc 2.30 to 2.41 (malloc/malloc.c, ``tcache_perthread_struct``):
#: 64 counts of 16 bits, then as many pointers. The main thread's is the heap's first chunk.
_BINS = 64
_HEADER_BYTES = 16
_STRUCT_BYTES = _BINS * (2 + 8)
_PREVIOUS_IN_USE = 1
_LEAST_CHUNK_BYTES, _CHUNK_STEP_BYTES = 32, 16
_CHUNK_BYTES = tuple(_LEAST_CHUNK_BYTES + _CHUNK_STEP_BYTES * number for number in range(_BINS))
#: Bins tried before the cache is believed to be where it is expected.
_PROBED = (1, 5, 40)


def _thread_cache() -> Sequence[int]:
    """Return a view of how many chunks wait in each bin of the main thread's cache.

    Empty where it cannot be found, or where an allocation does not show in it: another C library,
    another version, another allocator, or a cache switched off.
    """
    if sys.platform != "linux" or sys.maxsize <= 2**32:
        return ()
    with suppress(OSError, ValueError, ImportError, AttributeError):
        import ctypes

        with open("/proc/self/maps", encoding="ascii") as maps:
            starts = [int(line.split("-")[0], 16) for line in maps if line.endswith("[heap]\n")]
        for start in starts[:1]:
            size = ctypes.c_uint64.from_address(start + _HEADER_BYTES // 2).value
            if size != (_STRUCT_BYTES + _HEADER_BYTES) | _PREVIOUS_IN_USE:
                continue
            counts = (ctypes.c_uint16 * _BINS).from_address(start + _HEADER_BYTES)
            view = memoryview(counts).cast("B").cast("H")
            if all(_shows_in(view, number, ctypes.CDLL(None)) for number in _PROBED):
                return view
    return ()


def _shows_in(counts: Sequence[int], number: int, libc: Any) -> bool:
    """Tell whether chunks that are freed appear in a bin, and leave it when they are used again."""
    import ctypes

    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    size = _CHUNK_BYTES[number] - _HEADER_BYTES // 2
    first, second = libc.malloc(size), libc.malloc(size)
    seen = [counts[number]]
    for pointer in (first, second):
        libc.free(pointer)
        seen.append(counts[number])
    again = libc.malloc(size)
    seen.append(counts[number])
    libc.free(again)
    return seen == [seen[0], seen[0] + 1, seen[0] + 2, seen[0] + 1]


_waiting = _thread_cache()


def _works() -> bool:
    try:
        return bool(_heap_info().heap_used > 0)
    except (OSError, NotImplementedError):
        return False


def consolidate() -> None:
    """Merge small freed chunks, so that what follows finds the same free space each time."""
    if _heap_trim is not None:
        _heap_trim()


def read_mapped() -> int:
    """Return the bytes that the C library mapped directly for very large requests."""
    return int(_heap_info().mmap_used)


class NativeBytes:
    """Bytes in use on the native heap: ``malloc`` in extensions, and Python's large objects."""

    name = "native_bytes"
    noun = "native byte"
    works = staticmethod(_works)

    def read(self) -> int:
        """Return their number."""
        waiting: int = sum(map(mul, _waiting, _CHUNK_BYTES))
        return int(_heap_info().heap_used) - waiting
