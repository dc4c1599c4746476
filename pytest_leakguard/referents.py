"""What do objects refer to, as far as it is safe to ask the collector?"""

from __future__ import annotations

from collections.abc import Iterable
from gc import get_referents
from types import ModuleType


def referents_of_all(objects: Iterable[object]) -> list[object]:
    """Return what objects refer to, in their order; of modules nothing.

    The state of a module's C code may hold what is dead: CPython 3.12 hands out the freed iterators
    that ``_asyncio`` keeps for later, they are freed once more when nobody wants them, and the next
    who asks never gets an answer.
    """
    return get_referents(*(obj for obj in objects if not issubclass(type(obj), ModuleType)))
