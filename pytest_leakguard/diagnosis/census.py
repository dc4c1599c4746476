"""What is alive now that was made since the baseline, and which older object holds it?

Two censuses some runs apart tell what accumulates: a count that stays the same belongs to things
that are replaced, one that rises to things that are kept.
"""

from __future__ import annotations

import gc
import mmap
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from pympler import asizeof

from pytest_leakguard.counters.containers import sized
from pytest_leakguard.diagnosis.aside import in_short_stack
from pytest_leakguard.diagnosis.naming import type_name
from pytest_leakguard.diagnosis.paths import is_namespace
from pytest_leakguard.diagnosis.walk import Entry, is_new, referents_of
from pytest_leakguard.identity import identity_of
from pytest_leakguard.referents import is_attributes


@dataclass(slots=True)
class Tally:
    """How many new objects hang on one holder, and what they weigh in bytes.

    Attributes:
        direct: Those that the holder refers to itself, by type.
        all: All that are reached first through it, by type.
        sizes: Their weight, by type.
        length: Items in the holder, old and new; ``None`` if it is no container.
    """

    direct: Counter[str] = field(default_factory=Counter)
    all: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    length: int | None = None

    @property
    def size_bytes(self) -> int:
        """What all of them weigh together."""
        return sum(self.sizes.values())


@dataclass(slots=True)
class Held:
    """One holder with the new objects that it retains, at one census.

    Attributes:
        entry: The holder and the way to it.
        place: Position of the attribute or name under which they hang on a namespace; ``None``
            for a container.
        kids: New objects that the holder refers to itself.
        everything: All new objects that are reached first through this holder.
        owners: For each of ``everything``, the position in ``kids`` of the one that leads to it.
        tally: Their numbers and weights by type.
    """

    entry: Entry
    place: int | None
    kids: list[object] = field(default_factory=list)
    everything: list[object] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


class Births:
    """In which run each tracked object that is still alive was first seen.

    Args:
        untracked: Identities of older containers that the collector does not track.

    Attributes:
        runs: Identity of a live new object to the run that made it, from 1.
        untracked: As given.
    """

    def __init__(self, untracked: AbstractSet[int] = frozenset()) -> None:
        self.runs: dict[int, int] = {}
        self.untracked = untracked
        self._others: set[int] = set()

    def before_run(self) -> None:
        """Note what is alive and was not made by a run: older objects, and our own.

        Nothing that is noted may die before the run: what the run makes in its place would be
        taken for it.
        """
        self._others = set()
        # Listed before there is anything that only listing needs, cells for closures included.
        self._add_others(gc.get_objects())
        self._others.difference_update(self.runs)
        self._others.add(identity_of(self._others))

    def _add_others(self, objects: Sequence[object]) -> None:
        in_short_stack(lambda: self._others.update(map(identity_of, objects)))

    def after_run(self, run: int) -> None:
        """Note what is alive after a run. Objects that are gone are forgotten.

        Args:
            run: The number of the run, from 1.
        """
        before = self.runs
        objects = gc.get_objects()
        self.runs = in_short_stack(
            lambda: {
                identity: before.get(identity, run)
                for identity in map(identity_of, objects)
                if identity not in self._others
            }
        )
        for own in (objects, self.runs):
            self.runs.pop(identity_of(own), None)

    def keep(self, objects: Sequence[object]) -> None:
        """Take all new objects but these for older ones."""
        self.runs = {identity_of(obj): self.runs[identity_of(obj)] for obj in objects}

    def alive(self) -> list[object]:
        """Return the new objects that were alive when it was last noted, and still are."""
        return [obj for obj in gc.get_objects() if identity_of(obj) in self.runs]


def weigh(obj: object) -> int:
    """Return the size in bytes of an object alone; of a memory map, that of its memory."""
    try:
        if type(obj) is mmap.mmap:
            return len(obj)
        return int(asizeof.flatsize(obj))
    except Exception:  # a user's __sizeof__ or a half dead object
        return 0


#: A holder's index among the entries, and the place on it.
Key = tuple[int, int | None]


def take(entries: Sequence[Entry], births: Births) -> dict[Key, Held]:
    """Count the new objects under each holder; each belongs to the first that reaches it.

    Args:
        entries: Holders, the nearest to a root first.
        births: Which tracked objects are new.
    """
    new_ids, untracked = births.runs.keys(), births.untracked
    taken: set[int] = set()
    known_types = len(asizeof._typedefs)
    censused: dict[Key, Held] = {}
    for index, entry in enumerate(entries):
        namespace = is_namespace(entry.chain)
        for position, child in enumerate(referents_of(entry.holder)):
            if identity_of(child) not in taken and is_new(child, new_ids, untracked):
                taken.add(identity_of(child))
                place = position if namespace else None
                if (held := censused.get((index, place))) is None:
                    held = censused[index, place] = Held(entry, place)
                    if (length := sized(entry.holder)) is not None:
                        held.tally.length = length(entry.holder)
                held.kids.append(child)
    for held in censused.values():
        _descend(held, taken, new_ids, untracked)
    # Weighing registers every type for good, also those that a test makes.
    for kind in list(asizeof._typedefs)[known_types:]:
        del asizeof._typedefs[kind]
    return censused


def _descend(
    held: Held, taken: set[int], new_ids: AbstractSet[int], untracked: AbstractSet[int]
) -> None:
    held.everything.extend(held.kids)
    held.owners.extend(range(len(held.kids)))
    held.tally.direct.update(map(type_name, held.kids))
    attributes: set[int] = set()
    for obj, owner in zip(held.everything, held.owners, strict=True):  # grows while it is read
        name = type_name(obj)
        if identity_of(obj) not in attributes:
            held.tally.all[name] += 1
        held.tally.sizes[name] += weigh(obj)
        children = referents_of(obj)
        for child in children:
            if identity_of(child) not in taken and is_new(child, new_ids, untracked):
                taken.add(identity_of(child))
                if is_attributes(child, obj, children):
                    attributes.add(identity_of(child))
                held.everything.append(child)
                held.owners.append(owner)


def totals(censused: Mapping[Key, Held]) -> Counter[int]:
    """Return how many new objects each holder retains, by the identity of its entry."""
    numbers: Counter[int] = Counter()
    for held in censused.values():
        numbers[identity_of(held.entry)] += len(held.everything)
    return numbers


def fold_new_places(after: dict[Key, Held], before: Container[Key]) -> dict[Key, Held]:
    """Put together what hangs on one namespace under names that did not exist before.

    Args:
        after: The later census.
        before: Keys of the earlier one.
    """
    folded: dict[Key, Held] = {}
    for (index, place), held in after.items():
        key = (index, place if (index, place) in before else None)
        if (known := folded.get(key)) is None:
            folded[key] = held
            held.place = key[1]
            continue
        known.owners.extend(owner + len(known.kids) for owner in held.owners)
        known.kids.extend(held.kids)
        known.everything.extend(held.everything)
        known.tally.direct += held.tally.direct
        known.tally.all += held.tally.all
        known.tally.sizes += held.tally.sizes
    return folded
