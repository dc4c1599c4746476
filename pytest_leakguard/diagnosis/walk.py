"""Which older objects hold the new ones? One walk forward over the heap, from the named roots.

Breadth first, so that each path is a shortest one, and so that one walk finds all of them; asking
the collector for referrers would cost a pass over the heap for every object on the way.
"""

from __future__ import annotations

import tracemalloc
from array import array
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from gc import get_referents, is_tracked
from threading import local

from pytest_leakguard.diagnosis.naming import attributes_of
from pytest_leakguard.diagnosis.roots import Root

_ATOMS = frozenset({str, bytes, int, float, complex, bool, type(None)})


@dataclass(slots=True, kw_only=True)
class Entry:
    """An older object that holds new ones.

    Attributes:
        root: Index of the root from which it is reached.
        chain: The objects from the root to the holder, both included.
    """

    root: int
    chain: list[object]

    @property
    def holder(self) -> object:
        """The older object itself."""
        return self.chain[-1]


def is_new(obj: object, new_ids: AbstractSet[int]) -> bool:
    """Tell whether an object was made since the baseline.

    Args:
        obj: Any object.
        new_ids: Identities of the new objects that the collector tracks. Others are new when
            tracemalloc, cleared at the baseline, has seen their allocation.
    """
    if is_tracked(obj):
        return id(obj) in new_ids
    return tracemalloc.get_object_traceback(obj) is not None


def referents_of(obj: object) -> list[object]:
    """Return what an object refers to, this thread's values of a ``threading.local`` included."""
    found = get_referents(obj)
    if issubclass(type(obj), local) and (values := attributes_of(obj)) is not None:
        found.append(values)
    return found


def find_holders(
    roots: Sequence[Root], new_ids: AbstractSet[int], ignored: AbstractSet[int]
) -> list[Entry]:
    """Return every older object that refers to a new one, the nearest to a root first.

    Args:
        roots: Where to begin.
        new_ids: Identities of the new tracked objects.
        ignored: Identities of objects that are not entered.
    """
    seen = set(ignored)
    queue: list[object] = []
    origins = array("q")
    for root in roots:
        if id(root.obj) not in seen:
            seen.add(id(root.obj))
            queue.append(root.obj)
            origins.append(-1)
    seen.update((id(queue), id(origins), id(seen)))
    known_roots = {id(root.obj): index for index, root in enumerate(roots)}
    holders: list[int] = []
    traced = tracemalloc.get_object_traceback
    position = 0
    while position < len(queue):
        obj = queue[position]
        holds_new = False
        for child in referents_of(obj):
            identity = id(child)
            if identity in seen:
                continue
            if type(child) in _ATOMS:
                holds_new = holds_new or traced(child) is not None
            elif identity in new_ids or (not is_tracked(child) and traced(child) is not None):
                holds_new = True
            else:
                seen.add(identity)
                queue.append(child)
                origins.append(position)
        if holds_new:
            holders.append(position)
        position += 1
    return [_entry(index, queue, origins, known_roots) for index in holders]


def _entry(
    index: int, queue: list[object], origins: array[int], known_roots: dict[int, int]
) -> Entry:
    chain: list[object] = []
    while index >= 0:
        chain.append(queue[index])
        index = origins[index]
    chain.reverse()
    return Entry(root=known_roots[id(chain[0])], chain=chain)
