"""What do Python's arenas, pools and blocks hold?

CPython tells it as a text for a stream of C. The function that writes it takes any stream, so that
it is given one in memory, and nobody's standard error is touched. Where it cannot be called so,
such as on Windows, descriptor 2 is put aside for the moment in which ``sys._debugmallocstats()``
writes to it, and what others have written meanwhile is written there afterwards.
"""

from __future__ import annotations

import os
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

from pytest_leakguard.c_streams import text_written
from pytest_leakguard.memory.allocator_text import arenas_of, is_of_mimalloc, strangers
from pytest_leakguard.memory_table import Allocator, Arenas

#: CPython's functions that write of the allocator, and of free lists: to 3.12 for all to call.
_WRITERS = ("_PyObject_DebugMallocStats", "_PyObject_DebugTypeStats")
_STANDARD_ERROR = 2
# Bound here because tests patch and mock the modules' functions.
_close, _dup, _dup2, _write = os.close, os.dup, os.dup2, os.write
_write_stats: Callable[[], object] | None = getattr(sys, "_debugmallocstats", None)


def read_arenas() -> tuple[Allocator, Arenas | None, dict[str, str]]:
    """Return whose blocks are handed out, the arenas, and why what is missing of them is."""
    if not sys.getallocatedblocks():
        why = "there are none: the C library hands out all blocks (PYTHONMALLOC=malloc)"
        return "malloc", None, {"arenas": why}
    text = allocator_text() or ""
    if is_of_mimalloc(text):
        return "mimalloc", None, {"arenas": "there are none: this Python uses mimalloc"}
    arenas = arenas_of(text)
    if arenas is None:
        why = "this interpreter does not tell of them"
        if tracemalloc.is_tracing():  # and stands in their place
            why = "CPython does not tell of them while tracemalloc is on"
        return "unknown", None, {"arenas": why}
    if not arenas.free_lists:
        why = "this interpreter tells of them on standard error only"
        return "pymalloc", arenas, {"free_lists": why}
    return "pymalloc", arenas, {}


def allocator_text() -> str | None:
    """Return what CPython writes of its allocator; ``None`` if it cannot be had."""
    text = _to_memory()
    return _from_descriptor() if text is None else text


def _to_memory() -> str | None:
    """Have it written to a stream in memory; ``None`` where that cannot be made."""
    try:
        import ctypes

        # By subscript they are objects of our own, whose types of arguments are nobody else's.
        writers = [ctypes.pythonapi[name] for name in _WRITERS if hasattr(ctypes.pythonapi, name)]
    except (ImportError, AttributeError):
        return None
    if not hasattr(ctypes.pythonapi, _WRITERS[0]):
        return None
    for writer in writers:
        writer.argtypes, writer.restype = [ctypes.c_void_p], None
    text = text_written(writers)
    return None if text is None else text.decode("utf-8", "replace")


def _from_descriptor(write_stats: Callable[[], object] | None = _write_stats) -> str | None:
    """Have it written to a file in place of standard error; ``None`` if that is not to be had."""
    if write_stats is None:
        return None
    with suppress(OSError), tempfile.TemporaryFile() as file:
        before = _dup(_STANDARD_ERROR)
        try:
            _dup2(file.fileno(), _STANDARD_ERROR)
            try:
                write_stats()
            finally:
                _dup2(before, _STANDARD_ERROR)
        finally:
            _close(before)
        file.seek(0)
        text = file.read().decode("utf-8", "surrogateescape")
        passed_on = "".join(strangers(text)).encode("utf-8", "surrogateescape")
        while passed_on:
            passed_on = passed_on[_write(_STANDARD_ERROR, passed_on) :]
        return text
    return None
