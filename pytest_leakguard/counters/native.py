"""How many bytes does the C library's allocator hand out?

Chunks that wait in glibc's thread cache count as handed out, so that the figure would move by a few
chunks in a sound test, and not move while a small leak uses the cache up. They are taken off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from operator import mul
from typing import Any

import psutil

from pytest_leakguard.counters import environment


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
#: Bits of a chunk's size that say something else.
_FLAGS = 7
_LEAST_CHUNK_BYTES, _CHUNK_STEP_BYTES = 32, 16
_CHUNK_BYTES = tuple(_LEAST_CHUNK_BYTES + _CHUNK_STEP_BYTES * number for number in range(_BINS))
#: Chunks of one size that may have to be taken until none is waiting.
_MOST_TAKEN = 10_000
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
    """Tell whether chunks that are freed appear in a bin, and leave it when they are used again.

    A bin that is full shows nothing, so that it is emptied first. So are the allocator's free lists
    of this size with it: to take a chunk from one of these fills the bin up from there. Where
    the allocator has given a chunk that is a step larger, this belongs to the next bin.
    """
    import ctypes

    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    chunk_bytes = _CHUNK_BYTES[number]
    taken: list[int] = []
    fitting: list[int] = []
    while (len(fitting) < 2 or counts[number]) and len(taken) < _MOST_TAKEN:
        pointer: int = libc.malloc(chunk_bytes - _HEADER_BYTES // 2)
        header = ctypes.c_size_t.from_address(pointer - _HEADER_BYTES // 2).value
        is_fitting = header & ~_FLAGS == chunk_bytes and len(fitting) < 2
        (fitting if is_fitting else taken).append(pointer)
    seen = [counts[number]]
    for pointer in fitting:
        libc.free(pointer)
        seen.append(counts[number])
    taken.append(libc.malloc(chunk_bytes - _HEADER_BYTES // 2))
    seen.append(counts[number])
    for pointer in taken:
        libc.free(pointer)
    return seen == [0, 1, 2, 1]


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


def _read_all() -> int:
    waiting: int = sum(map(mul, _waiting, _CHUNK_BYTES))
    return int(_heap_info().heap_used) - waiting


def noting_environment() -> AbstractContextManager[None]:
    """Note inside what the C library keeps of temporary paths in the environment."""
    return environment.noting(_read_all) if _works() else nullcontext()


class NativeBytes:
    """Bytes in use on the native heap: ``malloc`` in extensions, and Python's large objects.

    Without those that the C library keeps of temporary paths in the environment.
    """

    name = "native_bytes"
    noun = "native byte"
    works = staticmethod(_works)

    def read(self) -> int:
        """Return their number."""
        return _read_all() - environment.kept_bytes()
