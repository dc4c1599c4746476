"""What do objects refer to, as far as it is safe to ask the collector?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from gc import get_referents
from types import ModuleType


def referents_of_all(objects: Iterable[object]) -> list[object]:
    """Return what objects refer to, in their order; of modules nothing.

    The state of a module's C code may hold what is dead: CPython 3.12 hands out the freed iterators
    that ``_asyncio`` keeps for later, they are freed once more when nobody wants them, and the next
    who asks never gets an answer.
    """
    return get_referents(*(obj for obj in objects if not issubclass(type(obj), ModuleType)))


def is_attributes(child: object, parent: object, children: Sequence[object]) -> bool:
    """Tell whether a referent is the dictionary that an object has for its attributes.

    Since CPython 3.11 an object has one only once somebody has asked for it, and to ask here would
    make it. With one it refers to that and to its type alone.

    Args:
        child: The referent.
        parent: The object.
        children: All that the object refers to.
    """
    return type(child) is dict and len(children) <= 2 and bool(_dictoffset(type(parent)))


#: Not asked of the type itself: a metaclass of the user's would answer.
_dictoffset = type.__dict__["__dictoffset__"].__get__
