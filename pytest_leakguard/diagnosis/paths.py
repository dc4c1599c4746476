"""How is a retention path written: as one dotted name, and step by step?"""

from __future__ import annotations

import functools
import sys
import types
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from threading import local

from pytest_leakguard.diagnosis.naming import attributes_of, edge_text, key_text, type_name
from pytest_leakguard.diagnosis.roots import Places, Root, defining_module
from pytest_leakguard.model import CONTEXT, Step


def retention_path(
    root: Root, chain: Sequence[object], place: object = None
) -> tuple[str, tuple[Step, ...]]:
    """Write the way from a root to a holder.

    Args:
        root: Where it begins.
        chain: The objects from the root to the holder, both included.
        place: What the holder keeps under one name and every run replaces by something larger;
            ``None`` when the holder itself gets larger.

    Returns:
        The holder's dotted name, and the steps: the root first, then each object on the way.
    """
    is_given = (root.name == CONTEXT and len(chain) == 1) or isinstance(chain[-1], Places)
    if is_given and place is not None:
        chain = [*chain, place]
        place = None
    name, rest = _begin(root, chain)
    steps = [Step(via=name, type=type_name(rest[0]))]
    for via, child in _hops(rest):
        name += via
        if via:
            steps.append(Step(via=via, type=type_name(child)))
    if place is not None:
        tail = entry_text(chain, place)
        name += tail
        steps.append(Step(via=tail, type=type_name(place)))
    return name, tuple(steps)


def _hops(chain: Sequence[object]) -> Iterator[tuple[str, object]]:
    """Yield each step of a chain: its text, and where it leads.

    An attribute dictionary and a closure's cell are not steps of their own.
    """
    position = 0
    while position < len(chain) - 1:
        parent, child = chain[position], chain[position + 1]
        following = chain[position + 2] if position + 2 < len(chain) else None
        if type(child) is dict and is_namespace_of(child, parent):
            if following is None:
                return
            name = "" if _is_plumbing(parent, following) else _name_in(child, following)
            yield name, following
            position += 2
        elif type(child) is tuple and type(following) is types.CellType:
            text = edge_text(parent, following)
            if position + 3 < len(chain):
                yield text, chain[position + 3]
            position += 3
        elif _is_defaults(parent, child) and following is not None:
            yield edge_text(parent, following), following
            position += 2
        elif issubclass(type(parent), local):
            skipped = _length_to_values(chain, position)
            if position + skipped + 1 < len(chain):
                values = chain[position + skipped]
                target = chain[position + skipped + 1]
                yield _name_in(values, target), target
            position += skipped + 1
        elif _is_plumbing(parent, child):
            yield "", child
            position += 1
        else:
            yield _via(parent, child), child
            position += 1


_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)


def _is_plumbing(parent: object, child: object) -> bool:
    """Tell whether a step is an implementation detail of a standard container."""
    if type(parent) is types.MappingProxyType:
        return True
    if issubclass(type(parent), _WEAK):
        return getattr(parent, "data", None) is child
    return False


def _is_defaults(parent: object, child: object) -> bool:
    return type(parent) is types.FunctionType and (
        child is parent.__defaults__ or child is parent.__kwdefaults__
    )


def _length_to_values(chain: Sequence[object], position: int) -> int:
    """Count the steps from a ``threading.local`` to a thread's dictionary of values."""
    for steps in range(1, len(chain) - position):
        candidate = chain[position + steps]
        if type(candidate) is dict and all(isinstance(name, str) for name in candidate):
            return steps
    return 1


def is_namespace_of(candidate: dict[object, object], owner: object) -> bool:
    """Tell whether a dictionary holds the attributes of a module, a class or an instance."""
    if issubclass(type(owner), type):
        return True  # the one dictionary that a class refers to itself
    return attributes_of(owner) is candidate


def _name_in(namespace: object, value: object) -> str:
    for name, candidate in list(namespace.items()) if isinstance(namespace, dict) else ():
        if candidate is value:
            return f".{name}" if isinstance(name, str) else key_text(name)
    return edge_text(namespace, value)


def _begin(root: Root, chain: Sequence[object]) -> tuple[str, Sequence[object]]:
    first = chain[0]
    if isinstance(first, types.ModuleType):
        if len(chain) < 3:
            return root.name, chain[:1]
        global_name = _via(chain[1], chain[2])[1:]
        owner = defining_module(root.name, global_name, chain[2])
        return f"{owner}.{global_name}", chain[2:]
    if type(first) is dict and root.name and len(chain) > 1:
        variable = next((key for key, value in first.items() if value is chain[1]), None)
        return variable_name(variable), chain[1:]
    if type(first) is dict and len(chain) > 1:
        named = chain[1]
        if isinstance(named, dict) and len(chain) > 2:
            name = next((key for key, value in named.items() if value is chain[2]), "")
            return str(name), chain[2:]
    return root.name or "the given roots", chain


def variable_name(variable: object) -> str:
    """Return where a context variable is defined, or what it is called."""
    for module_name, module in list(sys.modules.items()):
        if isinstance(module, types.ModuleType):
            for name, value in list(module.__dict__.items()):
                if value is variable:
                    return f"{defining_module(module_name, name, value)}.{name}"
    return f"context variable {getattr(variable, 'name', '')!r}"


def _via(parent: object, child: object) -> str:
    if type(parent) is dict and (owner := _module_of(parent)) is not None:
        for name, value in list(owner.__dict__.items()):
            if value is child:
                return f".{name}"
    return edge_text(parent, child)


def _module_of(namespace: dict[object, object]) -> types.ModuleType | None:
    name = namespace.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return module if getattr(module, "__dict__", None) is namespace else None


def is_namespace(chain: Sequence[object]) -> bool:
    """Tell whether the holder at the end of a chain gives fixed names to what it holds.

    Nothing is asked that would give an instance a dictionary, which it lacks until it is asked.
    """
    holder = chain[-1]
    kind = type(holder)
    if kind is Places:
        return True
    if type(holder) is dict:
        return _module_of(holder) is not None
    if issubclass(kind, _CONTAINERS) or kind.__module__ in ("builtins", "_thread"):
        return kind is types.CellType
    return bool(kind.__flags__ & _HEAP_TYPE)


#: ``Py_TPFLAGS_HEAPTYPE``: classes made at run time.
_HEAP_TYPE = 1 << 9
_CONTAINERS = (dict, list, tuple, set, frozenset, deque, functools._lru_cache_wrapper)


def entry_text(chain: Sequence[object], child: object) -> str:
    """Return how a new object hangs on the holder at the end of a chain."""
    holder = chain[-1]
    if type(holder) is dict and len(chain) > 1 and is_namespace_of(holder, chain[-2]):
        return _name_in(holder, child)
    return _via(holder, child)
