"""How many bytes does the C library's allocator hand out, and how many are mapped directly?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil


def _no_heap_info() -> Any:  # what stands for the figures has none
    raise NotImplementedError


# Both are absent where the C library tells nothing, such as on musl; so Any, not the stubs' type.
_heap_info: Callable[[], Any] = getattr(psutil, "heap_info", _no_heap_info)
_heap_trim = getattr(psutil, "heap_trim", None)


def _works() -> bool:
    try:
        return bool(_heap_info().heap_used > 0)
    except (OSError, NotImplementedError):
        return False


def consolidate() -> None:
    """Return freed chunks that the allocator keeps apart to its free space.

    glibc counts chunks in its fast bins as used; trimming consolidates them.
    """
    if _heap_trim is not None:
        _heap_trim()


class NativeBytes:
    """Bytes in use on the native heap: ``malloc`` in extensions, and Python's large objects."""

    name = "native_bytes"
    noun = "native byte"
    works = staticmethod(_works)

    def read(self) -> int:
        """Return their number."""
        return int(_heap_info().heap_used)


class MappedBytes:
    """Bytes that the allocator mapped directly from the system for very large requests."""

    name = "mapped_bytes"
    noun = "mapped byte"
    works = staticmethod(_works)

    def read(self) -> int:
        """Return their number."""
        return int(_heap_info().mmap_used)
