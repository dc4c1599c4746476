"""What is known of one finding, in the form in which patterns are recognised by it?"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from gc import get_referents
from typing import final

from pytest_leakguard.diagnosis.naming import attributes_of, is_a, slots_of
from pytest_leakguard.model import Finding

#: A key in a holder's name is data, not a name.
_KEY = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: Words up to this length keep their last letter.
_SHORT = 3
#: How far it is looked from a retained object for what it has, in steps.
NEAR = 2


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """What the rules look at.

    Attributes:
        finding: What is told of it, with the lines of allocation and growth.
        root: What the place is called from which the holder is reached.
        chain: The objects from the root to the holder, both included.
        example: One of the retained objects.
        kid: The one through which the holder keeps it; the example itself in most cases.
        replaced: A name is bound to a larger thing on every run, instead of a container that grows.
        retained: Identities of all new objects that the holder keeps.
    """

    finding: Finding
    root: str
    chain: Sequence[object]
    example: object
    kid: object
    replaced: bool
    retained: Container[int]

    @property
    def container(self) -> object:
        """Return what gets longer."""
        return self.kid if self.replaced else self.chain[-1]

    def _holder_name(self) -> str:
        """Return the holder's name without keys, and without a fixture's name: it may be any."""
        name = _KEY.sub("", self.finding.holder)
        return name.partition(".")[2] if name.startswith("fixture ") else name

    def words(self) -> set[str]:
        """Return the words in the names of holder, owners and type, in lower case."""
        name = self._holder_name()
        root = self.chain[0]
        if is_of(root, types.ModuleType):  # it says where, not what
            name = name.removeprefix(str(getattr(root, "__name__", "")))
        kinds = [self.finding.type, *(step.type for step in self.finding.path[:-1])]
        return words_in([name, *(kind.rpartition(".")[2] for kind in kinds)])

    def own_words(self) -> set[str]:
        """Return the words in the container's own name and in that of what it retains.

        What owns the container may be called anything: a client may have a history.
        """
        name = self._holder_name().rpartition(".")[2]
        return words_in([name, self.finding.type.rpartition(".")[2]])

    def functions(self) -> set[str]:
        """Return the names of the functions that allocated, or made the holder grow."""
        frames = (*self.finding.grown, *self.finding.allocated)
        names = {frame.function.rpartition(".")[2] for frame in frames}
        return {name for name in names if not name.lower().startswith("test")}

    def holds(self, kinds: tuple[type, ...]) -> bool:
        """Tell whether the example is of one of these kinds, or refers to one close by."""
        if is_of(self.example, kinds):
            return True
        return self.leads_to(lambda obj: is_of(obj, kinds), NEAR)

    def leads_to(self, wanted: Callable[[object], bool], far: int) -> bool:
        """Tell whether a wanted object is reached from the example through other retained ones.

        Args:
            wanted: Tells it.
            far: Steps from object to object, those through its attribute dictionary not counted.
        """
        seen = {id(self.example)}
        near = [self.example]
        for _ in range(far):
            following: list[object] = []
            for obj in near:
                for child in _parts(obj):
                    if id(child) not in self.retained:
                        continue
                    if wanted(child):
                        return True
                    if id(child) not in seen:
                        seen.add(id(child))
                        following.append(child)
            near = following
        return False

    def passes(self, kinds: tuple[type, ...]) -> bool:
        """Tell whether the way from the root to the holder leads through one of these kinds."""
        return any(is_of(obj, kinds) for obj in self.chain)


def _parts(obj: object) -> list[object]:
    """Return the values of an object's attributes; of one without, what it refers to."""
    attributes = attributes_of(obj)
    values = [value for _, value in slots_of(obj)]
    if attributes is None and not values:
        return get_referents(obj)
    return [*values, *(attributes or {}).values()]


def is_of(obj: object, kinds: type | tuple[type, ...]) -> bool:
    """Tell an object's kind, and leave the type checker's view of it alone."""
    return is_a(obj, kinds)


def loaded(places: Iterable[str]) -> tuple[type, ...]:
    """Return the classes at such places as ``module:Class``, of modules that are loaded."""
    found = []
    for place in places:
        module, _, name = place.partition(":")
        if isinstance(kind := getattr(sys.modules.get(module), name, None), type):
            found.append(kind)
    return tuple(found)


def words_in(names: Iterable[str]) -> set[str]:
    """Return the words that names are made of, in lower case and in the singular."""
    words = {word.lower() for name in names for word in _WORD.findall(name)}
    return {word.removesuffix("s") if len(word) > _SHORT else word for word in words}
