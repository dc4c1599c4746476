"""Which older objects hold the new ones, and what is the way to them from a named root?

One walk forward over the heap before the runs, breadth first, so that each path is a shortest one;
after some runs, one look at what each object met refers to. Asking the collector for referrers
would cost a pass over the heap for every object on the way.
"""

from __future__ import annotations

from _tracemalloc import _get_object_traceback as traced  # the public one adds a call and a wrapper
from array import array
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from gc import get_objects, get_referents, is_tracked
from threading import local
from types import ModuleType
from typing import Any

from pytest_leakguard.diagnosis.aside import in_short_stack
from pytest_leakguard.diagnosis.naming import attributes_of
from pytest_leakguard.diagnosis.roots import Root
from pytest_leakguard.identity import identity_of
from pytest_leakguard.referents import is_attributes, referents_of_all

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
        return identity_of(obj) in new_ids
    return traced(obj) is not None or (
        type(obj) in _UNTRACKED and identity_of(obj) not in untracked
    )


def referents_of(obj: object) -> list[object]:
    """Return what an object refers to.

    With a dictionary's keys, and this thread's values of a ``threading.local``. Of a module only
    its names are told; what is in the state of its C code has none.
    """
    if issubclass(type(obj), ModuleType):
        return _names_of(obj)
    found = get_referents(obj)
    if issubclass(type(obj), dict):
        found.extend(_keys_of(obj))  # not reported by a dictionary with only str keys
    elif issubclass(type(obj), local) and (values := attributes_of(obj)) is not None:
        found.append(values)
    return found


def _names_of(module: object) -> list[object]:
    # Not asked for its names by itself: a lazy module would load.
    names = attributes_of(module)
    return [] if names is None else [names]


def _has_new(
    children: Sequence[object],
    new_ids: AbstractSet[int],
    kinds: AbstractSet[type],
    untracked: AbstractSet[int],
) -> bool:
    # Asked of all at once where that is possible: most are old, and a million may be asked.
    if any(map(traced, children)):
        return True
    found = kinds & {*map(type, children)}
    if found and any(identity_of(child) in new_ids for child in children if type(child) in found):
        return True
    return any(
        identity_of(child) not in untracked
        for child in children
        if type(child) in _UNTRACKED and not is_tracked(child)
    )


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
        self._seen: set[int] = set()
        self.untracked: set[int] = set()
        own = (roots, self, self._queue, self._origins, self._roots, self._seen, self.untracked)
        self._seen.update(map(identity_of, own))
        for index, root in enumerate(roots):
            if identity_of(root.obj) not in self._seen:
                self._roots[identity_of(root.obj)] = index
                self._reach(root.obj, -1)
        self._walk()
        self._seen.clear()

    def _reach(self, obj: object, origin: int) -> None:
        self._seen.add(identity_of(obj))
        self._queue.append(obj)
        self._origins.append(origin)

    def _walk(self) -> None:
        queue, origins, seen = self._queue, self._origins, self._seen
        untracked = self.untracked
        for position, obj in enumerate(queue):  # grows while it is read
            if type(obj) in _UNTRACKED and not is_tracked(obj):
                untracked.add(identity_of(obj))
            if (
                issubclass(type(obj), local)
                and (values := attributes_of(obj)) is not None
                and identity_of(values) not in seen
            ):
                self._reach(values, position)
            is_module = issubclass(type(obj), ModuleType)
            children = _names_of(obj) if is_module else get_referents(obj)
            first = len(queue)
            for child in children:
                if type(child) in _ATOMS:
                    continue
                identity = identity_of(child)
                if identity not in seen:
                    seen.add(identity)
                    queue.append(child)
                    origins.append(position)
            # Which way is the shortest must not hang on whether there is such a dictionary.
            if len(children) <= 2 and not is_module:
                for reached in range(first, len(queue)):
                    if is_attributes(queue[reached], obj, children):
                        self._go_through(reached)

    def _go_through(self, position: int) -> None:
        """Let what a dictionary refers to be as near as the dictionary itself."""
        for value in get_referents(self._queue[position]):
            if type(value) not in _ATOMS and identity_of(value) not in self._seen:
                self._reach(value, position)

    @property
    def objects(self) -> Sequence[object]:
        """All that was reached, the nearest first."""
        return self._queue

    def entry_of(self, obj: object) -> Entry | None:
        """Return an object that was reached, as a holder; ``None`` if it was not."""
        for position, one in enumerate(self._queue):
            if one is obj:
                return self.entry_at(position)
        return None

    def holders(self, new_ids: AbstractSet[int]) -> list[Entry]:
        """Return those that refer to something new, the nearest to a root first.

        Args:
            new_ids: Identities of the new objects that the collector tracks.
        """
        # The collector's own view adds what tracemalloc cannot see: instances under CPython 3.11,
        # and objects that took over memory which was allocated before tracing began.
        return in_short_stack(
            lambda: [
                self.entry_at(position)
                for position in self._scan(
                    new_ids, {type(obj) for obj in get_objects() if identity_of(obj) in new_ids}
                )
            ]
        )

    def _scan(self, new_ids: AbstractSet[int], kinds: set[type]) -> list[int]:
        found: list[int] = []
        queue = self._queue
        for start in range(0, len(queue), _CHUNK):
            chunk = queue[start : start + _CHUNK]
            children = referents_of_all(chunk)
            for obj in chunk:
                if issubclass(type(obj), dict):
                    children.extend(_keys_of(obj))  # not reported if all of them are str
            if _has_new(children, new_ids, kinds, self.untracked):
                found.extend(
                    start + offset
                    for offset, obj in enumerate(chunk)
                    if _has_new(referents_of(obj), new_ids, kinds, self.untracked)
                )
        return found

    def entry_at(self, position: int) -> Entry:
        """Return one of :attr:`objects` as a holder, by its position there."""
        chain: list[object] = []
        while position >= 0:
            chain.append(self._queue[position])
            position = self._origins[position]
        chain.reverse()
        return Entry(root=self._roots[identity_of(chain[0])], chain=chain)
