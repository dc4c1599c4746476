"""How many bytes has this process mapped from the system, the allocators' own heaps aside?

On Linux this is the size of the address space less what ``brk`` has added to it, and less what the
allocators hold ready: mapped files, stacks of threads, and very large requests to the allocator.
Elsewhere only the last are known.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pytest_leakguard.counters import native, reserves

_STATM = "/proc/self/statm"
_STATM_BYTES = 128


def _break_reader() -> Callable[[int], int] | None:
    """Return what tells where the heap ends; ``None`` where the system does not."""
    if sys.platform != "linux" or not os.path.exists(_STATM):
        return None
    with suppress(OSError, ImportError, AttributeError):
        import ctypes

        sbrk: Any = ctypes.CDLL(None).sbrk
        sbrk.argtypes, sbrk.restype = [ctypes.c_ssize_t], ctypes.c_size_t
        return sbrk if sbrk(0) else None
    return None


_break = _break_reader()
_break_before = _break(0) if _break is not None else 0
#: Whether a reading costs the same whatever the heap looks like.
IS_CHEAP = _break is not None
_page_bytes = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


class MappedBytes:
    """Bytes mapped from the system beside the heaps: files, stacks, very large blocks.

    Args:
        all_of_them: Also what the allocators hold ready. Without, it is taken off as it was noted
            at last.
    """

    def __init__(self, *, all_of_them: bool = False) -> None:
        self._held: Callable[[], int] = int if all_of_them else reserves.held_bytes

    name = "mapped_bytes"
    noun = "mapped byte"

    @staticmethod
    def works() -> bool:
        """Tell whether the system or the C library tells their number."""
        return _break is not None or native.NativeBytes.works()

    def read(
        self,
        _open: Callable[[str, int], int] = os.open,
        _read: Callable[[int, int], bytes] = os.read,
        _close: Callable[[int], None] = os.close,
        _flags: int = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0),
    ) -> int:
        """Return their number."""
        if _break is None:
            return native.read_mapped()
        descriptor = _open(_STATM, _flags)
        try:
            pages = int(_read(descriptor, _STATM_BYTES).split(None, 1)[0])
        finally:
            _close(descriptor)
        return pages * _page_bytes - (_break(0) - _break_before) - self._held()
