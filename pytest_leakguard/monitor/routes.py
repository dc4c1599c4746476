"""Which way leads to a container, so that it is found again after each test and never kept alive?

A way of names, keys and positions, from a module or another named place. What a program lets go, or
replaces by another container, is gone for who follows such a way as it is for the program.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from gc import get_referents
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, final

from pytest_leakguard.counters.nearby import package_of
from pytest_leakguard.identity import identity_of

#: Objects that are met at most in a walk; items of a container among which one is looked for.
_MOST_OBJECTS, _MOST_ITEMS = 20_000, 10_000
#: Types of keys that may be kept: no object of the program's is kept alive by them.
_KEYS = frozenset({str, int, bytes, bool, float, type(None)})
_SEQUENCES = (list, tuple, deque)
#: Packages whose objects are their own affair: an event loop's lists empty by themselves.
_APART = frozenset({"asyncio", "trio", "anyio", "uvloop"})
_HAS_GC = 1 << 14
_get_attribute: Callable[[Any, str], Any] = object.__getattribute__
_namespace_of_class: Any = type.__dict__["__dict__"]
#: What of an object has a name of its own, by the kind of step.
_PARTS: Mapping[str, tuple[type, str]] = {
    "closure": (FunctionType, "__closure__"),
    "defaults": (FunctionType, "__defaults__"),
    "keyword defaults": (FunctionType, "__kwdefaults__"),
    "contents": (CellType, "cell_contents"),
    "self": (MethodType, "__self__"),
}
Step = tuple[str, Any]  # how it is taken, and by which name, key or position


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way to a container.

    Attributes:
        root: Name of the module, or of the place, that it begins at.
        of_place: Whether that is a place.
        steps: What follows.
    """

    root: str
    of_place: bool
    steps: tuple[Step, ...]

    def end(self, places: Callable[[], Mapping[str, object]]) -> object | None:
        """Return what it leads to now; ``None`` if it leads nowhere.

        Args:
            places: Called for the named places, such as the values of fixtures.
        """
        obj = places().get(self.root) if self.of_place else sys.modules.get(self.root)
        for step in self.steps:
            try:
                obj = _taken(obj, step)
            except Exception:  # it is not there any more, or of another kind
                return None
        return obj

    @property
    def name(self) -> str:
        """The way as reports write it: ``shop.orders.pending['today']``."""
        return self.root + "".join(map(_written, self.steps))


def _written(step: Step) -> str:
    kind, key = step
    if kind == "attribute":
        return f".{key}"
    if kind in ("item", "position"):
        return f"[{key!r}]"
    return f".{_PARTS[kind][1]}" if kind in _PARTS and kind != "contents" else ""


def _taken(obj: Any, step: Step) -> object:
    kind, key = step
    if kind == "attribute":
        return _namespace(obj)[key]
    if kind == "item":
        return dict.__getitem__(obj, key)
    if kind == "position":
        return obj[key] if isinstance(obj, _SEQUENCES) else None
    if kind == "namespace":
        return _namespace(obj)
    if kind == "referent":
        of_type, number = key
        return [one for one in get_referents(obj) if type(one).__qualname__ == of_type][number]
    return getattr(obj, _PARTS[kind][1])


def _namespace(obj: Any) -> Mapping[str, object]:
    """Return where an object has its attributes; empty if it has none of its own."""
    if isinstance(obj, type):
        namespace: Mapping[str, object] = _namespace_of_class.__get__(obj)
        return namespace
    try:
        found = _get_attribute(obj, "__dict__")
    except Exception:  # it has slots only, or is being torn down
        return {}
    return found if isinstance(found, dict) else {}


def _step(obj: Any, part: object) -> Step | None:
    """Return the step that leads from an object to another that it refers to."""
    for found in _named_steps(obj, part):
        return found
    of_type = type(part).__qualname__
    alike = [one for one in get_referents(obj) if type(one).__qualname__ == of_type]
    number = next((number for number, one in enumerate(alike) if one is part), None)
    return None if number is None else ("referent", (of_type, number))


def _named_steps(obj: Any, part: object) -> Iterator[Step]:
    for name, value in [*_namespace(obj).items()]:
        if value is part and type(name) is str:
            yield "attribute", name
    for kind, key, value in _items(obj):
        if value is part:
            yield kind, key
    for kind, (cls, name) in _PARTS.items():
        if type(obj) is cls and getattr(obj, name, None) is part:
            yield kind, ""


def _items(obj: Any) -> Iterator[tuple[str, Any, object]]:
    if isinstance(obj, dict) and len(obj) <= _MOST_ITEMS:
        for key, value in [*dict.items(obj)]:
            if type(key) in _KEYS:
                yield "item", key, value
    elif isinstance(obj, _SEQUENCES) and len(obj) <= _MOST_ITEMS:
        for position, value in enumerate([*obj]):
            yield "position", position, value


def route_along(root: str, chain: Sequence[object], *, of_place: bool) -> Route | None:
    """Return the way that leads along some objects; ``None`` if there is none to be followed.

    Args:
        root: Name of the module, or the place, that the first of them is.
        chain: The objects, each referred to by the one before; namespaces may stand in between.
        of_place: Whether the first is the value of a place.
    """
    steps: list[Step] = []
    position = 0
    while position < len(chain) - 1:
        obj, following = chain[position], chain[position + 1]
        if package_of(type(obj)) in _APART:
            return None
        position += 1
        if _is_namespace(following, obj):
            if position == len(chain) - 1:
                steps.append(("namespace", ""))
                break
            following = chain[position + 1]
            position += 1
        if (step := _step(obj, following)) is None:
            return None
        steps.append(step)
    return Route(root=root, of_place=of_place, steps=tuple(steps))


def _is_namespace(found: object, obj: object) -> bool:
    """Tell whether an object's attributes are kept in another: a class shows a view of it only."""
    if isinstance(obj, type):
        return type(found) is dict and found.keys() == _namespace(obj).keys()
    return found is _namespace(obj)


def routes_to(
    wanted: Collection[int],
    modules: Iterable[str],
    places: Mapping[str, object],
    own: Container[str],
    foreign: Callable[[str], bool],
) -> dict[int, Route]:
    """Walk from modules and places, the nearest objects first, until all that is wanted was met.

    Args:
        wanted: Identities of containers.
        modules: Names of the modules to begin at.
        places: Named places to begin at.
        own: Top-level names of the packages whose classes and functions are walked into.
        foreign: Tells by its top-level name a package whose instances are not walked into.

    Returns:
        The way to each that was met and can be followed, by its identity.
    """
    roots: list[tuple[str, bool, object]] = [
        (name, False, sys.modules.get(name)) for name in modules
    ]
    roots += [(name, True, value) for name, value in places.items()]
    objects = [obj for _, _, obj in roots]
    firsts = set(map(identity_of, objects))

    def parts(obj: object) -> Sequence[object]:
        walked = identity_of(obj) in firsts or _is_walked(obj, own, foreign)
        return get_referents(obj) if walked else ()

    found = {}
    for root, chain in chains_to(wanted, objects, parts, _MOST_OBJECTS):
        name, of_place, _ = roots[root]
        if route := route_along(name, chain, of_place=of_place):
            found[identity_of(chain[-1])] = route
    return found


def chains_to(
    wanted: Collection[int],
    roots: Sequence[object],
    parts: Callable[[object], Iterable[object]],
    most: int,
) -> Iterator[tuple[int, list[object]]]:
    """Walk breadth first until all that is wanted was met, or too much else.

    Args:
        wanted: Identities of objects.
        roots: Where to begin.
        parts: Called for what an object leads to.
        most: After how many objects the walk ends.

    Yields:
        For each that was met which of the roots leads to it, and the objects on the way, both ends
        included.
    """
    queue = [*roots]
    origins = [-1] * len(queue)
    seen = set(map(identity_of, queue))
    missing = set(wanted)
    for position, obj in enumerate(queue):  # grows while it is read
        if identity_of(obj) in missing:
            missing.discard(identity_of(obj))
            way = [position]
            while (origin := origins[way[-1]]) >= 0:
                way.append(origin)
            yield way[-1], [queue[place] for place in reversed(way)]
        if not missing or len(queue) > most:
            return
        for part in parts(obj):
            if identity_of(part) not in seen:
                seen.add(identity_of(part))
                queue.append(part)
                origins.append(position)


def _is_walked(obj: object, own: Container[str], foreign: Callable[[str], bool]) -> bool:
    kind = type(obj)
    if not kind.__flags__ & _HAS_GC or isinstance(obj, ModuleType):
        return False
    if isinstance(obj, type) or kind is FunctionType:
        return package_of(obj) in own
    package = package_of(kind)
    return package not in _APART and not foreign(package)
