"""Which containers are near to the code under test? Those whose items a whole-suite check counts.

Counting the items of every container takes time that grows with the heap. What leaks is most often
a container that the tests' own modules lead to within a few steps, and a walk finds these first.
"""

from __future__ import annotations

import gc
import os
import sys
import types
import warnings
from collections.abc import Callable, Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from gc import get_referents
from typing import Any, final

from pytest_leakguard.counters.containers import ContainerItems, length_of_kind, sized
from pytest_leakguard.identity import identity_of

#: Where a walk ends: so many containers found, or so many objects seen.
MOST_CONTAINERS, MOST_OBJECTS = 1_000, 8_000
#: The same for what is new below a container that has changed.
_MOST_NEW, _MOST_NEW_OBJECTS = 50, 200
#: Containers with more items than this are not looked into: it is data that they hold.
_MOST_ITEMS = 200
#: ``Py_TPFLAGS_HAVE_GC``.
_HAS_GC = 1 << 14
#: What a kind of object is to the walk.
_SKIPPED, _FOLLOWED, _CONTAINER, _CLASS, _FUNCTION = range(5)
_LEAVES = (
    types.ModuleType,  # those that count are roots
    types.CodeType,
    types.FrameType,
    types.BuiltinFunctionType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """Where the containers of a group of tests are looked for.

    Attributes:
        key: The containers are chosen anew when it changes.
        near: Returns the namespaces and values that lead to them within the fewest steps.
        far: The same, walked after these.
        own: Top-level names of the packages whose classes and functions are walked into.
        foreign: Tells by its top-level name a package whose instances are not: what runs the tests.
    """

    key: Hashable
    near: Callable[[], Sequence[object]]
    far: Callable[[], Sequence[object]]
    own: Container[str]
    foreign: Callable[[str], bool]


class NearbyItems:
    """Counts items in the containers near to the tests that are checked one after the other."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._counter: ContainerItems | None = None
        self._known: set[int] = set()

    def enter(self, neighbourhood: Neighbourhood) -> ContainerItems:
        """Return the counter of a neighbourhood, counting from now on."""
        if self._counter is None or neighbourhood.key != self._key:
            self.leave()
            own, foreign = neighbourhood.own, neighbourhood.foreign
            near, far = neighbourhood.near(), neighbourhood.far()
            found = [
                *standard_containers(),
                *choose(near, own, foreign),
                *choose(far, own, foreign),
            ]
            distinct = {identity_of(one): one for one in found}
            self._known = set(distinct)
            self._counter = ContainerItems(distinct.values())
            self._key = neighbourhood.key
            return self._counter
        changed = self._counter.restart()
        if changed:
            own, foreign = neighbourhood.own, neighbourhood.foreign
            below = choose(changed, own, foreign, _MOST_NEW, _MOST_NEW_OBJECTS)
            new = {identity_of(one): one for one in below if identity_of(one) not in self._known}
            self._known.update(new)
            self._counter.add(new.values())
        return self._counter

    def leave(self) -> None:
        """Let go of all containers."""
        self._key, self._counter = None, None
        self._known.clear()


def standard_containers() -> list[object]:
    """Return containers of the interpreter and its library that tests add to."""
    found: list[object] = [
        sys.path,
        sys.meta_path,
        sys.path_hooks,
        sys.modules,
        warnings.filters,
        gc.callbacks,
        getattr(os.environ, "_data", None),
    ]
    if (logging := sys.modules.get("logging")) is not None:
        root = logging.root
        found += [root.handlers, root.filters, root.manager.loggerDict]
    return [one for one in found if sized(one) is not None]


def choose(
    roots: Iterable[object],
    own: Container[str],
    foreign: Callable[[str], bool],
    most_containers: int = MOST_CONTAINERS,
    most_objects: int = MOST_OBJECTS,
) -> list[object]:
    """Walk from some objects, the nearest first, and return the containers on the way.

    Args:
        roots: Where to begin: namespaces, values of fixtures.
        own: Top-level names of the packages whose classes and functions are walked into.
        foreign: Tells by its top-level name a package whose instances are not walked into.
        most_containers: How many containers are returned at most.
        most_objects: After how many objects the walk ends.
    """
    level = [*roots]
    found: list[object] = [one for one in level if sized(one) is not None]
    seen = set(map(identity_of, level))
    roles: dict[type, int] = {}
    while level and len(found) < most_containers and len(seen) < most_objects:
        following: list[object] = []
        for obj in get_referents(*level):
            if (role := roles.get(type(obj), -1)) < 0:
                role = roles[type(obj)] = _role(type(obj), foreign)
            if role == _SKIPPED or identity_of(obj) in seen:
                continue
            seen.add(identity_of(obj))
            if role == _CONTAINER:
                if type(obj) is dict and "__loader__" in obj:  # a module's: a root, or foreign
                    continue
                found.append(obj)
                length = sized(obj)
                if length is not None and length(obj) <= _MOST_ITEMS:
                    following.append(obj)
            elif role == _FOLLOWED:
                following.append(obj)
            elif package_of(obj) in own:
                following += _parts_of_function(obj) if role == _FUNCTION else _parts_of_class(obj)
        level = following
    del found[most_containers:]
    return found


def _role(kind: type, foreign: Callable[[str], bool]) -> int:
    if foreign(package_of(kind)):
        return _SKIPPED
    if length_of_kind(kind) is not None:
        return _CONTAINER
    if issubclass(kind, type):
        return _CLASS
    if kind is types.FunctionType:
        return _FUNCTION
    if issubclass(kind, _LEAVES) or not kind.__flags__ & _HAS_GC:
        return _SKIPPED
    return _FOLLOWED


def package_of(obj: Any) -> str:
    """Return the top-level name of the package that defines a class or a function."""
    try:
        module = obj.__dict__.get("__module__") if isinstance(obj, type) else obj.__module__
    except Exception:  # a class that is being torn down
        return ""
    return module.partition(".")[0] if isinstance(module, str) else ""


def _parts_of_function(function: Any) -> list[object]:
    # As a tuple, since what the walk is handed is looked through, not found.
    return [(function.__closure__, function.__defaults__, function.__kwdefaults__)]


def _parts_of_class(cls: Any) -> list[object]:
    return [(*type.__dict__["__dict__"].__get__(cls).values(),)]
