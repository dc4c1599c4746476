"""Which older objects hold the new ones, and what is the way to them from a named root?

One walk forward over the heap before the runs, breadth first, so that each path is a shortest one;
after some runs, one look at what each object met refers to. Asking the collector for referrers
would cost a pass over the heap for every object on the way.
"""

from __future__ import annotations

import threading
from _tracemalloc import _get_object_traceback as traced  # the public one adds a call and a wrapper
from array import array
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from gc import get_objects, get_referents, is_tracked
from threading import local
from types import ModuleType
from typing import Any

from pytest_leakguard.diagnosis.naming import attributes_of
from pytest_leakguard.diagnosis.roots import Root

_ATOMS = frozenset({str, bytes, int, float, complex, bool, type(None)})
#: Containers that the collector stops tracking when they hold atoms alone.
_UNTRACKED = frozenset({tuple, dict})
#: Objects whose referents are asked for at once; most have nothing new, and lists cost.
_CHUNK = 500
#: A dictionary's keys, whatever its class says; Any, since asking a type narrows no object.
_keys_of: Callable[[Any], Iterable[object]] = dict.keys


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


def is_new(obj: object, new_ids: AbstractSet[int], untracked: AbstractSet[int]) -> bool:
    """Tell whether an object was made since tracing began.

    Args:
        obj: Any object.
        new_ids: Identities of the new objects that the collector tracks. Others are new when
            tracemalloc has seen their allocation.
        untracked: Identities of older containers that it does not track: another one of these is
            new, also if it took over memory from a free list, which tracemalloc does not see.
    """
    if is_tracked(obj):
        return id(obj) in new_ids
    return traced(obj) is not None or (type(obj) in _UNTRACKED and id(obj) not in untracked)


def referents_of(obj: object) -> list[object]:
    """Return what an object refers to.

    With a dictionary's keys, and this thread's values of a ``threading.local``.
    """
    found = get_referents(obj)
    if issubclass(type(obj), dict):
        found.extend(_keys_of(obj))  # not reported by a dictionary with only str keys
    elif issubclass(type(obj), local) and (values := attributes_of(obj)) is not None:
        found.append(values)
    return found


def _has_new(
    children: Sequence[object],
    new_ids: AbstractSet[int],
    kinds: AbstractSet[type],
    untracked: AbstractSet[int],
) -> bool:
    for child in children:
        kind = type(child)
        if traced(child) is not None or (kind in kinds and id(child) in new_ids):
            return True
        if kind in _UNTRACKED and id(child) not in untracked and not is_tracked(child):
            return True
    return False


class Reached:
    """All that is reached from the roots, with the way to each.

    Made before tracing begins: while it is on, every identity asked for costs an allocation with
    its traceback, which made the walk seven times slower.

    Args:
        roots: Where to begin, the likeliest owners first.

    Attributes:
        untracked: Identities of the tuples and dictionaries met that the collector does not track.
    """

    def __init__(self, roots: Sequence[Root]) -> None:
        self._queue: list[object] = []
        self._origins = array("q")
        self._roots: dict[int, int] = {}
        self._seen = {id(roots), id(self), id(self._queue), id(self._origins), id(self._roots)}
        self._seen.add(id(self._seen))
        self.untracked: set[int] = set()
        self._seen.add(id(self.untracked))
        for index, root in enumerate(roots):
            if id(root.obj) not in self._seen:
                self._roots[id(root.obj)] = index
                self._reach(root.obj, -1)
        self._walk()
        self._seen.clear()

    def _reach(self, obj: object, origin: int) -> None:
        self._seen.add(id(obj))
        self._queue.append(obj)
        self._origins.append(origin)

    def _walk(self) -> None:
        queue, origins, seen = self._queue, self._origins, self._seen
        untracked = self.untracked
        for position, obj in enumerate(queue):  # grows while it is read
            if type(obj) in _UNTRACKED and not is_tracked(obj):
                untracked.add(id(obj))
            if (
                issubclass(type(obj), local)
                and (values := attributes_of(obj)) is not None
                and id(values) not in seen
            ):
                self._reach(values, position)
            # A module's own C state has no names; what is in it is found by name elsewhere.
            children = (obj.__dict__,) if type(obj) is ModuleType else get_referents(obj)
            for child in children:
                if type(child) in _ATOMS:
                    continue
                identity = id(child)
                if identity not in seen:
                    seen.add(identity)
                    queue.append(child)
                    origins.append(position)

    def entry_of(self, obj: object) -> Entry | None:
        """Return an object that was reached, as a holder; ``None`` if it was not."""
        for position, one in enumerate(self._queue):
            if one is obj:
                return self._entry(position)
        return None

    def holders(self, new_ids: AbstractSet[int]) -> list[Entry]:
        """Return those that refer to something new, the nearest to a root first.

        Args:
            new_ids: Identities of the new objects that the collector tracks.
        """
        found: list[int] = []
        # The collector's own view adds what tracemalloc cannot see: instances under CPython 3.11,
        # and objects that took over memory which was allocated before tracing began.
        kinds = {type(obj) for obj in get_objects() if id(obj) in new_ids}
        # Each allocation while tracing costs a traceback: a thread of its own has a short one,
        # where the caller's may be a hundred frames deep.
        thread = threading.Thread(
            target=self._scan, args=(found, new_ids, kinds), name="leakguard scan"
        )
        thread.start()
        thread.join()
        return [self._entry(position) for position in found]

    def _scan(self, found: list[int], new_ids: AbstractSet[int], kinds: set[type]) -> None:
        queue = self._queue
        for start in range(0, len(queue), _CHUNK):
            chunk = queue[start : start + _CHUNK]
            children = get_referents(*chunk)
            for obj in chunk:
                if issubclass(type(obj), dict):
                    children.extend(_keys_of(obj))  # not reported if all of them are str
            if _has_new(children, new_ids, kinds, self.untracked):
                found.extend(
                    start + offset
                    for offset, obj in enumerate(chunk)
                    if _has_new(referents_of(obj), new_ids, kinds, self.untracked)
                )

    def _entry(self, position: int) -> Entry:
        chain: list[object] = []
        while position >= 0:
            chain.append(self._queue[position])
            position = self._origins[position]
        chain.reverse()
        return Entry(root=self._roots[id(chain[0])], chain=chain)
