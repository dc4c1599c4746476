"""What is known of one finding, in the form in which patterns are recognised by it?"""

from __future__ import annotations

import functools
import re
import sys
import types
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from gc import get_referents
from typing import final

from pytest_leakguard.diagnosis.census import weigh
from pytest_leakguard.diagnosis.naming import attributes_of, is_a, slots_of
from pytest_leakguard.diagnosis.walk import referents_of
from pytest_leakguard.identity import identity_of
from pytest_leakguard.model import Finding

#: A key in a holder's name is data, not a name.
_KEY = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: Words up to this length keep their last letter.
_SHORT = 3
#: How far it is looked from a retained object for what it has, in steps.
NEAR = 2
#: How many objects are looked at around one: a retained list may be of any length.
_MANY = 1_000
#: What a function captures is told from this weight on: less is what any closure takes.
_HEAVY_BYTES = 1_024


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A value that a function keeps, by itself.

    Attributes:
        name: What it is called in the function: "cell `page`", "default `page`", "argument 0".
        weight_bytes: Size of all that it retains, in bytes.
    """

    name: str
    weight_bytes: int


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

    def owner_words(self) -> set[str]:
        """Return the words in the names of the types of all that owns the container."""
        return words_in(step.type.rpartition(".")[2] for step in self.finding.path[:-1])

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
        return self.leads_to(lambda obj: is_of(obj, kinds))

    def leads_to(self, wanted: Callable[[object], bool], far: int = NEAR) -> bool:
        """Tell whether the example, or a retained object that it leads to, is a wanted one.

        Args:
            wanted: Tells it.
            far: Steps from object to object, those through its attribute dictionary not counted.
        """
        return any(map(wanted, _around(self.example, far, self.retained)))

    def is_in_ring(self, far: int) -> bool:
        """Tell whether retained objects lead from the example back to itself, in so many steps."""
        around = _around(self.example, far - 1, self.retained)
        return any(child is self.example for obj in around for child in parts_of(obj))

    def is_near(self, wanted: Callable[[object], bool]) -> bool:
        """Tell whether the example, or an object close by, is a wanted one, whatever its age."""
        return any(map(wanted, _around(self.example, NEAR)))

    def chain_length(self, far: int, enough: int) -> int:
        """Count how often what is kept leads on to another retained object of its own type.

        Args:
            far: Steps from one of them to the next.
            enough: It is not counted further.
        """
        link = self.kid
        seen = {identity_of(link)}
        for length in range(enough):
            kind = type(link)
            following = (
                obj
                for obj in _around(link, far, self.retained)
                if type(obj) is kind and identity_of(obj) not in seen
            )
            if (found := next(following, None)) is None:
                return length
            seen.add(identity_of(found))
            link = found
        return enough

    def heaviest_capture(self) -> Capture | None:
        """Return what a retained function captures, if most of the retained weight hangs on it."""
        captured = [
            (name, value, function)
            for function in _around(self.example, 1, self.retained)
            for name, value in captures_of(function)
            if identity_of(value) in self.retained
        ]
        if not captured:
            return None
        weighed = (
            Capture(name=name, weight_bytes=self._weight_bytes(value, besides=function))
            for name, value, function in captured
        )
        heaviest = max(weighed, key=lambda capture: capture.weight_bytes)
        whole = self._weight_bytes(self.example)
        is_heavy = heaviest.weight_bytes >= max(_HEAVY_BYTES, whole / 2)
        return heaviest if is_heavy else None

    def _weight_bytes(self, start: object, besides: object = None) -> int:
        """Return the size of all retained objects that are reached from one."""
        reached = [start]
        seen = {identity_of(start), identity_of(besides)}
        for obj in reached:  # grows while it is read
            for child in referents_of(obj):
                if identity_of(child) in self.retained and identity_of(child) not in seen:
                    seen.add(identity_of(child))
                    reached.append(child)
        return sum(map(weigh, reached))

    def passes(self, kinds: tuple[type, ...]) -> bool:
        """Tell whether the way from the root to the holder leads through one of these kinds."""
        return any(is_of(obj, kinds) for obj in self.chain)


def captures_of(obj: object) -> Iterator[tuple[str, object]]:
    """Yield what a function keeps: captured variables, defaults, and arguments given in advance."""
    if is_a(obj, types.FunctionType):
        code = obj.__code__
        for name, cell in zip(code.co_freevars, obj.__closure__ or (), strict=False):
            with suppress(ValueError):  # a variable that has no value yet
                yield f"cell `{name}`", cell.cell_contents
        defaults = obj.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount]
        named = zip(names[len(names) - len(defaults) :], defaults, strict=False)
        for name, value in (*named, *(obj.__kwdefaults__ or {}).items()):
            yield f"default `{name}`", value
    elif type(obj) is functools.partial:  # a subclass may have properties of these names
        for index, value in enumerate(obj.args):
            yield f"argument {index}", value
        for name, value in obj.keywords.items():
            yield f"argument `{name}`", value


def has_methods(obj: object, *names: str) -> bool:
    """Tell whether an object's class, or one that it inherits from, defines all these methods."""
    defined = {name for cls in type(obj).__mro__ for name in cls.__dict__}
    return defined.issuperset(names)


def own_methods(obj: object) -> set[str]:
    """Return the names of the methods that an object's class defines in Python, no special ones."""
    return {
        name
        for cls in type(obj).__mro__
        for name, member in list(cls.__dict__.items())
        if is_a(member, types.FunctionType) and not name.startswith("__")
    }


def _around(start: object, far: int, among: Container[int] | None = None) -> Iterator[object]:
    """Yield an object and what it leads to, the nearest first.

    Args:
        start: Where to begin.
        far: Steps from object to object, those through its attribute dictionary not counted.
        among: Identities of the only objects that are followed; ``None`` for any.
    """
    seen = {identity_of(start)}
    near = [start]
    for steps in range(far + 1):
        following: list[object] = []
        for obj in near:
            yield obj
            for child in parts_of(obj) if steps < far else ():
                if (
                    len(seen) < _MANY
                    and identity_of(child) not in seen
                    and (among is None or identity_of(child) in among)
                ):
                    seen.add(identity_of(child))
                    following.append(child)
        near = following


def parts_of(obj: object) -> list[object]:
    """Return what an object is made of.

    The values of its attributes; what a function captures; of others, what they refer to.
    """
    attributes = attributes_of(obj)
    values = [value for _, value in captures_of(obj)]
    if not is_a(obj, types.FunctionType):  # its globals are a slot as well
        values += [value for _, value in slots_of(obj)]
    if is_a(obj, functools.partial) or (attributes is None and not values):
        return [*values, *get_referents(obj)]
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
