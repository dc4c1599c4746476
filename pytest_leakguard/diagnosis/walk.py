"""Which older objects hold the new ones? One walk forward over the heap, from the named roots.

Breadth first, so that each path is a shortest one, and so that one walk finds all of them; asking
the collector for referrers would cost a pass over the heap for every object on the way.
"""

from __future__ import annotations

import threading
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
    walk = _Walk(roots, new_ids, ignored)
    while walk.pending():
        # While tracing, each allocation of the walk costs a traceback: a thread of its own has a
        # short one, where the caller's may be a hundred frames deep.
        thread = threading.Thread(target=walk.advance, name="leakguard walk")
        walk.ignore(thread)
        thread.start()
        thread.join()
        walk.enter_thread_locals()  # their values are seen from this thread only
    return walk.entries()


class _Walk:
    """The walk's state: what was reached, from where, and what of it holds new objects."""

    def __init__(
        self, roots: Sequence[Root], new_ids: AbstractSet[int], ignored: AbstractSet[int]
    ) -> None:
        self._new_ids = new_ids
        self._seen = set(ignored)
        self._queue: list[object] = []
        self._origins = array("q")
        self._position = 0
        self._holders: list[int] = []
        self._locals: list[int] = []
        self._roots: dict[int, int] = {}
        self._seen.update(map(id, (self._queue, self._origins, self._seen, self._roots, self)))
        for index, root in enumerate(roots):
            if id(root.obj) not in self._seen:
                self._roots[id(root.obj)] = index
                self._reach(root.obj, -1)

    def _reach(self, obj: object, origin: int) -> None:
        self._seen.add(id(obj))
        self._queue.append(obj)
        self._origins.append(origin)

    def ignore(self, obj: object) -> None:
        """Never enter an object."""
        self._seen.add(id(obj))

    def pending(self) -> bool:
        """Tell whether objects were reached and not yet looked into."""
        return self._position < len(self._queue)

    def advance(self) -> None:
        """Look into all that was reached, and all that is reached from there."""
        queue, origins, seen, new_ids = self._queue, self._origins, self._seen, self._new_ids
        traced = tracemalloc.get_object_traceback
        position = self._position
        while position < len(queue):
            obj = queue[position]
            holds_new = False
            for child in get_referents(obj):
                if type(child) in _ATOMS:
                    holds_new = holds_new or traced(child) is not None
                    continue
                identity = id(child)
                if identity in seen:
                    continue
                if identity in new_ids or (not is_tracked(child) and traced(child) is not None):
                    holds_new = True
                else:
                    seen.add(identity)
                    queue.append(child)
                    origins.append(position)
            if holds_new:
                self._holders.append(position)
            if issubclass(type(obj), local):
                self._locals.append(position)
            position += 1
        self._position = position

    def enter_thread_locals(self) -> None:
        """Go on with the values that this thread has in the ``threading.local`` objects met."""
        positions, self._locals = self._locals, []
        for position in positions:
            values = attributes_of(self._queue[position])
            if values is not None and id(values) not in self._seen:
                self._reach(values, position)

    def entries(self) -> list[Entry]:
        """Return the holders with the ways to them."""
        return [
            _entry(index, self._queue, self._origins, self._roots)
            for index in sorted(self._holders)
        ]


def _entry(
    index: int, queue: list[object], origins: array[int], known_roots: dict[int, int]
) -> Entry:
    chain: list[object] = []
    while index >= 0:
        chain.append(queue[index])
        index = origins[index]
    chain.reverse()
    return Entry(root=known_roots[id(chain[0])], chain=chain)
