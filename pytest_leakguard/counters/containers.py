"""How many items have the containers gained that were there before?

This is for what makes no new object: ``None`` or the same handler appended once more, a byte array
that gets longer.
"""

from __future__ import annotations

import io
from _queue import SimpleQueue
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from gc import is_tracked
from typing import Any

from pytest_leakguard.referents import referents_of_all

_tell_bytes, _tell_text = io.BytesIO.tell, io.StringIO.tell


def _bytes_written(buffer: Any) -> int:
    try:
        return _tell_bytes(buffer)
    except ValueError:  # closed
        return 0


def _text_written(buffer: Any) -> int:
    try:
        return _tell_text(buffer)
    except ValueError:
        return 0


#: How a container's length is read without user code; Any, since each takes its own kind.
_LENGTHS: tuple[tuple[type, Callable[[Any], int]], ...] = (
    (dict, dict.__len__),
    (list, list.__len__),
    (set, set.__len__),
    (deque, deque.__len__),
    (bytearray, bytearray.__len__),
    (array, array.__len__),
    (SimpleQueue, SimpleQueue.qsize),
    (io.BytesIO, _bytes_written),
    (io.StringIO, _text_written),
)
#: The collector does not track these, nor dictionaries of atoms alone: they are found through
#: what refers to them.
_UNTRACKED = frozenset({bytearray, array, dict})
#: Objects whose referents are asked for at once.
_CHUNK = 1_000


def length_of_kind(kind: type) -> Callable[[Any], int] | None:
    """Return how the length of such containers is read without user code; ``None`` for others."""
    for base, length in _LENGTHS:
        if issubclass(kind, base):
            return length
    return None


def sized(container: object) -> Callable[[Any], int] | None:
    """Return how a container's length is read without user code; ``None`` if it has none."""
    return length_of_kind(type(container))


def containers_among(objects: list[object]) -> list[object]:
    """Return the containers among some objects and what these refer to.

    Args:
        objects: All that the collector tracks, or a part of it.
    """
    found = [*_untracked(objects), *objects]
    kinds = {kind for kind in set(map(type, found)) if length_of_kind(kind) is not None}
    return [obj for obj in found if type(obj) in kinds]


class ContainerItems:
    """Items that containers have gained since they were chosen, those of each that grew.

    Holds the containers, so that it must not outlive the check that it is made for.

    Args:
        containers: Each of them once.
    """

    name = "container_items"
    noun = "container item"

    def __init__(self, containers: Iterable[object]) -> None:
        self._groups: list[_Group] = []
        self.add(containers)

    def read(self) -> int:
        """Return their number."""
        return sum([group.read() for group in self._groups])

    def restart(self) -> list[object]:
        """Count from now on.

        Returns:
            The containers whose length has changed since it was last read.
        """
        return [container for group in self._groups for container in group.restart()]

    def add(self, containers: Iterable[object]) -> None:
        """Count the items of further containers, from now on."""
        grouped = _by_length(containers)
        for group in self._groups:
            group.add(grouped.pop(group.length, []))
        self._groups += [_Group(length, members) for length, members in grouped.items()]

    def grown(self) -> list[tuple[object, int]]:
        """Return the containers that have gained items, those that gained most first."""
        found = [entry for group in self._groups for entry in group.grown()]
        return sorted(found, key=lambda entry: -entry[1])


class _Group:
    """Containers of one kind, with the lengths that they had and have."""

    def __init__(self, length: Callable[[Any], int], containers: list[object]) -> None:
        self.length = length
        self._containers = containers
        self._before = self._latest = [*map(length, containers)]
        self._gained = 0

    def read(self) -> int:
        lengths = [*map(self.length, self._containers)]
        if lengths != self._latest:  # rarely; comparing is faster than subtracting
            pairs = zip(lengths, self._before, strict=True)
            self._gained = sum([now - before for now, before in pairs if now > before])
            self._latest = lengths
        return self._gained

    def restart(self) -> list[object]:
        changed = []
        lengths = [*map(self.length, self._containers)]
        if lengths != self._latest:
            pairs = zip(self._containers, lengths, self._latest, strict=True)
            changed = [container for container, now, before in pairs if now != before]
            self._latest = lengths
        self._before = self._latest
        self._gained = 0
        return changed

    def add(self, containers: list[object]) -> None:
        self._containers += containers
        self._before = self._latest = [*self._before, *map(self.length, containers)]

    def grown(self) -> Iterator[tuple[object, int]]:
        for container, before in zip(self._containers, self._before, strict=True):
            if (gain := self.length(container) - before) > 0:
                yield container, gain


def _by_length(containers: Iterable[object]) -> dict[Callable[[Any], int], list[object]]:
    grouped: dict[Callable[[Any], int], list[object]] = {}
    for container in containers:
        if (length := sized(container)) is not None:
            grouped.setdefault(length, []).append(container)
    return grouped


def _untracked(objects: list[object]) -> Iterable[object]:
    found: dict[int, object] = {}
    for start in range(0, len(objects), _CHUNK):
        referents = referents_of_all(objects[start : start + _CHUNK])
        for obj in [one for one in referents if type(one) in _UNTRACKED]:
            if not is_tracked(obj):
                found[id(obj)] = obj
    return found.values()
