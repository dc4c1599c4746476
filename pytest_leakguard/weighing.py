"""What are types called, how many objects of each are there, and what do they weigh?

Types are told by their identity, and objects weighed by C only: a class may have a metaclass that
says otherwise, or a ``__sizeof__``, and these are the tested code's.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

#: A type, what weighs its objects, how many there are and their bytes.
Kind = list[Any]

#: What the name of a class ends with that the collector has taken apart and could not free.
TORN_DOWN = " (torn down)"
_QUALNAME = type.__dict__["__qualname__"]  # reads the type itself, and no dictionary
# Bound here because tests patch and mock the module's functions.
_getsizeof = sys.getsizeof


def class_name(cls: type) -> str:
    """Return the dotted name of a class; builtins are written bare."""
    try:
        module = type.__getattribute__(cls, "__module__")
        name = type.__getattribute__(cls, "__qualname__")
    except Exception:  # the collector has taken it apart: its dictionary and bases are gone
        return f"{_QUALNAME.__get__(cls)}{TORN_DOWN}"
    if not isinstance(module, str) or module == "builtins":
        return str(name)
    return f"{module}.{name}"


def tallied(objects: Iterable[object]) -> list[Kind]:
    """Count and weigh objects by their types."""
    kinds: dict[int, Kind] = {}
    for obj in objects:
        cls = type(obj)
        kind = kinds.get(id(cls))
        if kind is None:
            kind = kinds[id(cls)] = [cls, scale(cls), 0, 0]
        kind[2] += 1
        kind[3] += kind[1](obj)
    return [*kinds.values()]


def scale(cls: type) -> Callable[[object], int]:
    """Return what weighs objects of a class: a ``__sizeof__`` of the user's is not called."""
    for base in type.__dict__["__mro__"].__get__(cls):
        found = type.__dict__["__dict__"].__get__(base).get("__sizeof__")
        if found is not None:
            return _weighed if type(found) is types.MethodDescriptorType else object.__sizeof__
    return object.__sizeof__


def _weighed(obj: object) -> int:
    try:
        return _getsizeof(obj)
    except Exception:  # half torn down
        return 0
