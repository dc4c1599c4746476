"""What does C code write that only takes a stream? It is given one in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any


def text_written(writers: Sequence[Callable[[Any], object]]) -> bytes | None:
    """Return what functions of C write one after the other; ``None`` where there are no streams.

    Args:
        writers: Each is given a pointer to the stream, as ``ctypes`` has it.
    """
    library = _library()
    if library is None:
        return None
    import ctypes

    place, size = ctypes.c_void_p(), ctypes.c_size_t()
    stream = library.open_memstream(ctypes.byref(place), ctypes.byref(size))
    if not stream:
        return None
    try:
        for writer in writers:
            writer(ctypes.c_void_p(stream))
    finally:
        library.fclose(ctypes.c_void_p(stream))  # only now is the text complete
    if not place.value:
        return None
    text = ctypes.string_at(place.value, size.value)
    library.free(place)
    return text


@cache
def _library() -> Any:
    """Return the C library as an object of our own; ``None`` where it has no such streams."""
    if sys.platform == "win32":
        return None
    try:
        import ctypes

        library = ctypes.CDLL(None)
        library.open_memstream.restype = ctypes.c_void_p
        library.open_memstream.argtypes = [
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_size_t),
        ]
        library.fclose.argtypes = library.free.argtypes = [ctypes.c_void_p]
    except (OSError, ImportError, AttributeError):
        return None
    return library
