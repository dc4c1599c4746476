"""How many items have the containers gained that were there before?

This is for what makes no new object: ``None`` or the same handler appended once more, a byte array
that gets longer.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable
from gc import get_referents, is_tracked
from operator import sub
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
_UNTRACKED = (bytearray, array, dict)
#: Objects whose referents are asked for at once.
_CHUNK = 1_000


class ContainerItems:
    """Items that containers have gained since they were chosen, those of each that grew.

    Holds the containers, so that it must not outlive the check that it is made for.

    Args:
        objects: Where containers are looked for, and what these refer to.
    """

    name = "container_items"
    noun = "container item"

    def __init__(self, objects: list[object]) -> None:
        self._groups: list[tuple[Callable[[Any], int], list[object], array[int]]] = []
        bare = _untracked(objects)
        for kind, length in _LENGTHS:
            found = [
                obj for group in (objects, bare) for obj in group if issubclass(type(obj), kind)
            ]
            if found:
                self._groups.append((length, found, array("q", map(length, found))))

    def read(self) -> int:
        """Return their number."""
        return sum(
            grown
            for length, containers, before in self._groups
            for grown in map(sub, map(length, containers), before)
            if grown > 0
        )

    def grown(self) -> list[tuple[object, int]]:
        """Return the containers that have gained items, those that gained most first."""
        found = [
            (container, length(container) - start)
            for length, containers, before in self._groups
            for container, start in zip(containers, before, strict=True)
            if length(container) > start
        ]
        return sorted(found, key=lambda entry: -entry[1])


def _untracked(objects: list[object]) -> list[object]:
    found: dict[int, object] = {}
    for start in range(0, len(objects), _CHUNK):
        found.update(_of_interest(get_referents(*objects[start : start + _CHUNK])))
    return [*found.values()]


def _of_interest(referents: Iterable[object]) -> Iterable[tuple[int, object]]:
    return (
        (id(obj), obj)
        for obj in referents
        if issubclass(type(obj), _UNTRACKED) and not is_tracked(obj)
    )
