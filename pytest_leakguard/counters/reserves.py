"""How much address space do allocators hold ready, whatever of it is in use?

pymalloc maps whole arenas, and how many depends on how full they happen to be. glibc reserves a
heap for each thread that finds the others' busy, up to eight for each processor, and keeps it for
the next one: that depends on which thread came first. What is in use of both has its own counters.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, final

from pytest_leakguard.c_streams import text_written

_ARENAS = re.compile(rb"(?m)^(\d+) arenas \* (\d+) bytes/arena ")
#: Heaps of threads; the main one grows by ``brk``.
_SUBHEAPS = re.compile(rb'<aspace type="subheaps" size="(\d+)"/>')
#: What glibc reserves for one at once on 64-bit platforms (malloc/arena.c, ``HEAP_MAX_SIZE``: twice
#: the greatest threshold for a mapping of its own).
_SUBHEAP_BYTES = 64 << 20


@final
class _Held:
    """What was held when it was noted at last.

    Attributes:
        arena_bytes: Arenas of pymalloc.
        heap_bytes: Heaps of threads.
    """

    def __init__(self) -> None:
        self.arena_bytes = 0
        self.heap_bytes = 0


_held = _Held()


def note() -> None:
    """Read how much it is now; takes from a tenth of a millisecond on."""
    # While tracemalloc is on, CPython does not tell of its arenas: what was noted before stands.
    if found := _ARENAS.search(_written_by(_write_arenas())):
        _held.arena_bytes = int(found[1]) * int(found[2])
    if sys.maxsize > 2**32:
        told = _SUBHEAPS.findall(_written_by(_write_heaps()))
        _held.heap_bytes = sum(map(int, told)) * _SUBHEAP_BYTES


def held_bytes() -> int:
    """Return how much it was when it was noted at last, in bytes."""
    return _held.arena_bytes + _held.heap_bytes


def _written_by(writer: Callable[[Any], object] | None) -> bytes:
    return (writer and text_written((writer,))) or b""


@cache
def _write_arenas() -> Callable[[Any], object] | None:
    """Return what writes of pymalloc; ``None`` from CPython 3.13 on, which hides it."""
    with suppress(ImportError, AttributeError):
        import ctypes

        # By subscript it is an object of our own, whose types of arguments are nobody else's.
        writer = ctypes.pythonapi["_PyObject_DebugMallocStats"]
        writer.argtypes, writer.restype = [ctypes.c_void_p], None
        return writer
    return None


@cache
def _write_heaps() -> Callable[[Any], object] | None:
    """Return what writes of glibc's heaps; ``None`` with another C library."""
    if not sys.platform.startswith("linux"):
        return None
    with suppress(ImportError, OSError, AttributeError):
        import ctypes

        writer = ctypes.CDLL(None).malloc_info
        writer.argtypes = [ctypes.c_int, ctypes.c_void_p]
        return lambda stream: writer(0, stream)
    return None
