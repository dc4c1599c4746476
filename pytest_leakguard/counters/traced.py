"""How many bytes are in use of those that were allocated since tracing began?"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable


class TracedBytes:
    """Bytes that tracemalloc has seen allocated and not freed; 0 while it is off."""

    name = "traced_bytes"
    noun = "traced byte"

    def read(
        self, _memory: Callable[[], tuple[int, int]] = tracemalloc.get_traced_memory
    ) -> int:
        """Return their number."""
        return _memory()[0]
