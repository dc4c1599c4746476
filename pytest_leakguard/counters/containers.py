"""How many items have the containers gained that were there before?

This is for what makes no new object: ``None`` or the same handler appended once more, a byte array
that gets longer.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from gc import get_referents, is_tracked
from typing import Any

#: How a container's length is read without user code; Any, since each takes its own kind.
_LENGTHS: tuple[tuple[type, Callable[[Any], int]], ...] = (
    (dict, dict.__len__),
    (list, list.__len__),
    (set, set.__len__),
    (deque, deque.__len__),
    (bytearray, bytearray.__len__),
    (array, array.__len__),
)
#: The collector does not track these, nor dictionaries of atoms alone: they are found through
#: what refers to them.
_UNTRACKED = frozenset({bytearray, array, dict})
#: Objects whose referents are asked for at once.
_CHUNK = 1_000


def sized(container: object) -> Callable[[Any], int] | None:
    """Return how a container's length is read without user code; ``None`` if it has none."""
    for kind, length in _LENGTHS:
        if issubclass(type(container), kind):
            return length
    return None


class ContainerItems:
    """Items that containers have gained since they were chosen, those of each that grew.

    Holds the containers, so that it must not outlive the check that it is made for.

    Args:
        objects: Where containers are looked for, and what these refer to.
    """

    name = "container_items"
    noun = "container item"

    def __init__(self, objects: list[object]) -> None:
        self._groups = [
            _Group(length, containers)
            for length, containers in _by_length([*_untracked(objects), *objects])
        ]

    def read(self) -> int:
        """Return their number."""
        return sum(group.read() for group in self._groups)

    def grown(self) -> list[tuple[object, int]]:
        """Return the containers that have gained items, those that gained most first."""
        found = [entry for group in self._groups for entry in group.grown()]
        return sorted(found, key=lambda entry: -entry[1])


class _Group:
    """Containers of one kind, with the lengths that they had and have."""

    def __init__(self, length: Callable[[Any], int], containers: list[object]) -> None:
        self._length = length
        self._containers = containers
        self._before = self._latest = [*map(length, containers)]
        self._gained = 0

    def read(self) -> int:
        lengths = [*map(self._length, self._containers)]
        if lengths != self._latest:  # rarely; comparing is faster than subtracting
            pairs = zip(lengths, self._before, strict=True)
            self._gained = sum([now - before for now, before in pairs if now > before])
            self._latest = lengths
        return self._gained

    def grown(self) -> Iterator[tuple[object, int]]:
        for container, before in zip(self._containers, self._before, strict=True):
            if (gain := self._length(container) - before) > 0:
                yield container, gain


def _by_length(objects: list[object]) -> Iterator[tuple[Callable[[Any], int], list[object]]]:
    """Yield the containers among some objects with how their length is read."""
    types = set(map(type, objects))
    by_length = [
        (length, {cls for cls in types if issubclass(cls, kind)}) for kind, length in _LENGTHS
    ]
    wanted = set().union(*(kinds for _, kinds in by_length))
    containers = [obj for obj in objects if type(obj) in wanted]
    for length, kinds in by_length:
        if kinds:
            yield length, [obj for obj in containers if type(obj) in kinds]


def _untracked(objects: list[object]) -> Iterable[object]:
    found: dict[int, object] = {}
    for start in range(0, len(objects), _CHUNK):
        referents = get_referents(*objects[start : start + _CHUNK])
        for obj in [one for one in referents if type(one) in _UNTRACKED]:
            if not is_tracked(obj):
                found[id(obj)] = obj
    return found.values()
