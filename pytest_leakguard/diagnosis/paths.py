"""How is a retention path written: as one dotted name, and step by step?"""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Sequence

from pytest_leakguard.diagnosis.naming import attributes_of, edge_text, key_text, type_name
from pytest_leakguard.diagnosis.roots import Root, defining_module
from pytest_leakguard.model import Step


def retention_path(
    root: Root, chain: Sequence[object], *, tail: str = ""
) -> tuple[str, tuple[Step, ...]]:
    """Write the way from a root to a holder.

    Args:
        root: Where it begins.
        chain: The objects from the root to the holder, both included.
        tail: What follows the holder's own name, such as an attribute that is replaced each run.

    Returns:
        The holder's dotted name, and the steps: the root first, then each object on the way.
    """
    name, rest = _begin(root, chain)
    steps = [Step(via=name, type=type_name(rest[0]))]
    text = ""
    for parent, child in zip(rest, rest[1:], strict=False):
        via = _via(parent, child)
        name += via
        text += via
        if attributes_of(parent) is child or type(parent) is types.CellType and not via:
            continue  # a dictionary of attributes is not a step of its own
        steps.append(Step(via=text, type=type_name(child)))
        text = ""
    if text + tail and len(steps) > 1 and text:
        steps[-1] = Step(via=steps[-1].via + text, type=steps[-1].type)
    return name + tail, tuple(steps)


def _begin(root: Root, chain: Sequence[object]) -> tuple[str, Sequence[object]]:
    first = chain[0]
    if isinstance(first, types.ModuleType):
        if len(chain) < 3:
            return root.name, chain[:1]
        global_name = _via(chain[1], chain[2])[1:]
        owner = defining_module(root.name, global_name, chain[2])
        return f"{owner}.{global_name}", chain[2:]
    if type(first) is dict and len(chain) > 1:
        if root.name:  # context variables
            variable = next((key for key, value in first.items() if value is chain[1]), None)
            return f"{root.name}{getattr(variable, 'name', '')!r}", chain[1:]
        named = chain[1]
        if isinstance(named, dict) and len(chain) > 2:
            name = next((key for key, value in named.items() if value is chain[2]), "")
            return str(name), chain[2:]
    return root.name or "the given roots", chain


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


def is_attributes(chain: Sequence[object]) -> bool:
    """Tell whether the last object of a chain is the attribute dictionary of the one before."""
    return len(chain) > 1 and attributes_of(chain[-2]) is chain[-1]


def is_namespace(chain: Sequence[object]) -> bool:
    """Tell whether the holder at the end of a chain gives fixed names to what it holds."""
    holder = chain[-1]
    if type(holder) is dict:
        return is_attributes(chain) or _module_of(holder) is not None
    return not issubclass(type(holder), (dict, list, tuple, set, frozenset, deque))


def entry_text(chain: Sequence[object], child: object) -> str:
    """Return how a new object hangs on the holder at the end of a chain."""
    holder = chain[-1]
    if is_attributes(chain) and type(holder) is dict:
        for name, value in list(holder.items()):
            if value is child:
                return f".{name}" if isinstance(name, str) else key_text(name)
    return _via(holder, child)
