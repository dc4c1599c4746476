"""How many objects does the garbage collector track?

While the heap is frozen these are only the objects made since, so a reading costs nothing that
grows with the heap.
"""

from __future__ import annotations

from collections.abc import Callable
from gc import get_objects


class GcObjects:
    """Objects that the garbage collector tracks and has not frozen."""

    name = "gc_objects"
    noun = "object"

    @staticmethod
    def works() -> bool:
        """Return True: every CPython has a collector."""
        return True

    def read(self, _get_objects: Callable[[], list[object]] = get_objects) -> int:
        """Return their number."""
        return len(_get_objects())
