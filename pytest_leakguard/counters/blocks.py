"""How many blocks has Python's own allocator handed out?

Sees what the collector does not track: ``str``, ``bytes``, ``int`` and tuples of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def _no_interned() -> int:
    return 0


# CPython 3.12 made interned strings immortal, so that every new name costs a block for ever; its
# own reference-leak test takes them off in the same way.
_interned: Callable[[], int] = (
    getattr(sys, "getunicodeinternedsize", _no_interned)
    if sys.version_info >= (3, 12)
    else _no_interned
)


class Blocks:
    """Blocks allocated by ``pymalloc``, less immortal interned strings."""

    name = "blocks"
    noun = "block"

    @staticmethod
    def works() -> bool:
        """Tell whether blocks are counted: they are not under ``PYTHONMALLOC=malloc``."""
        return sys.getallocatedblocks() > 0

    def read(self, _allocated: Callable[[], int] = sys.getallocatedblocks) -> int:
        """Return their number."""
        return _allocated() - _interned()
