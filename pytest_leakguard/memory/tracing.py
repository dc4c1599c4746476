"""How is tracemalloc started so that CPython still tells of its arenas?

It tells of them only while its own allocator is the one in place, and tracemalloc puts one of its
own before that. What was in place before is noted, and put back for the moment of asking, by the
interpreter's public functions. A block that another thread allocates in that moment is not traced.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

#: ``PYMEM_DOMAIN_OBJ``, and the words of a ``PyMemAllocatorEx`` (CPython's ``pymem.h``).
_OBJECTS = 2
_WORDS = 5


@final
class Tracing:
    """tracemalloc as it was started here."""

    def __init__(self, frames: int = 1) -> None:
        """Start it.

        Args:
            frames: How many frames of each allocation are kept, at least 1.
        """
        # Without the lock of the interpreter others may allocate in the midst of the exchange.
        has_lock: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
        self._beneath = _allocator() if has_lock and not tracemalloc.is_tracing() else None
        tracemalloc.start(frames)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Have what was in place before it in its place."""
        above = _allocator()
        if self._beneath is None or above is None or not tracemalloc.is_tracing():
            yield
            return
        _put(self._beneath)
        try:
            yield
        finally:
            _put(above)


def _allocator() -> Any:  # an array of ctypes, which has no types before it is imported
    """Return the allocator of objects in place; ``None`` where that is not told."""
    try:
        import ctypes

        # By subscript it is an object of our own, whose types of arguments are nobody else's.
        get = ctypes.pythonapi["PyMem_GetAllocator"]
    except (ImportError, AttributeError):
        return None
    allocator = (ctypes.c_void_p * _WORDS)()
    get.argtypes, get.restype = [ctypes.c_int, ctypes.c_void_p], None
    get(_OBJECTS, ctypes.addressof(allocator))
    return allocator


def _put(allocator: Any) -> None:  # as above
    import ctypes

    put = ctypes.pythonapi["PyMem_SetAllocator"]
    put.argtypes, put.restype = [ctypes.c_int, ctypes.c_void_p], None
    put(_OBJECTS, ctypes.addressof(allocator))
