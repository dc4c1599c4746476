"""What is an object called: its type, and the way that leads to it from its referrer?

No user code runs here: no property, no ``repr``, no ``__len__`` of a user's class. A leaked object
may be half torn down, so every look at it may fail and none of that may escape.
"""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import TypeGuard, TypeVar

from pytest_leakguard import weighing

_MAX_KEY = 40
_PLAIN_KEYS = (str, bytes, int, float, bool, type(None))
_T = TypeVar("_T")
class_name = weighing.class_name
TORN_DOWN = weighing.TORN_DOWN


def is_a(obj: object, kind: type[_T] | tuple[type[_T], ...]) -> TypeGuard[_T]:
    """Tell an object's kind; ``isinstance`` asks a proxy's ``__class__``, which is user code."""
    return issubclass(type(obj), kind)


def type_name(obj: object) -> str:
    """Return the dotted name of an object's type; builtins are written bare."""
    return class_name(type(obj))


def key_text(key: object) -> str:
    """Return a subscript for a mapping's key, short and without calling a user's ``repr``."""
    if type(key) in _PLAIN_KEYS or (
        type(key) is tuple and all(type(part) in _PLAIN_KEYS for part in key)
    ):
        text = repr(key)
    elif is_a(key, ContextVar):
        text = repr(key.name)
    elif is_a(key, type):
        text = class_name(key)
    else:
        text = f"<{type_name(key)}>"
    if len(text) > _MAX_KEY:
        text = f"{text[: _MAX_KEY - 3]}..."
    return f"[{text}]"


def attributes_of(obj: object) -> dict[str, object] | None:
    """Return an instance's or a module's attribute dictionary; ``None`` if it has none."""
    if type(obj) is dict:
        return None
    try:
        found = object.__getattribute__(obj, "__dict__")
    except Exception:  # no dictionary, or a descriptor that raises
        return None
    return found if type(found) is dict else None


def slots_of(obj: object) -> Iterator[tuple[str, object]]:
    """Yield the filled slots of an object: attribute name and value."""
    for cls in type(obj).__mro__:
        for name, member in list(cls.__dict__.items()):
            if type(member) is types.MemberDescriptorType:
                with suppress(Exception):  # an empty slot
                    yield name, member.__get__(obj)


def _pairs(mapping: dict[_T, object]) -> list[tuple[_T, object]]:
    return list(dict.items(mapping))


def _in_mapping(parent: dict[object, object], child: object) -> str | None:
    for key, value in _pairs(parent):
        if value is child:
            return key_text(key)
    for key, _ in _pairs(parent):
        if key is child:
            return " key"
    return None


def _in_function(function: types.FunctionType, child: object) -> str | None:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        if cell is child:
            return f".<cell {name}>"
    defaults = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    for name, value in zip(positional[len(positional) - len(defaults) :], defaults, strict=False):
        if value is child:
            return f".<default {name}>"
    for name, value in (function.__kwdefaults__ or {}).items():
        if value is child:
            return f".<default {name}>"
    for name in ("__defaults__", "__kwdefaults__", "__dict__", "__globals__", "__wrapped__"):
        if getattr(function, name, None) is child:
            return f".{name}"
    return None


def _in_frame(frame: types.FrameType, child: object) -> str | None:
    if frame.f_back is child:
        return ".<caller>"
    for name, value in list(frame.f_locals.items()):
        if value is child:
            return f".<local {name}>"
    if frame.f_globals is child:
        return ".__globals__"
    return None


_NAMED_PARTS: tuple[tuple[type[object], tuple[str, ...]], ...] = (
    (types.MethodType, ("__self__", "__func__")),
    (functools.partial, ("func", "args", "keywords")),
    (types.TracebackType, ("tb_frame", "tb_next")),
    (property, ("fget", "fset", "fdel")),
    (staticmethod, ("__func__",)),
    (classmethod, ("__func__",)),
    (types.BuiltinMethodType, ("__self__",)),
    (BaseException, ("__traceback__", "__context__", "__cause__", "args")),
)
_SUSPENDED = {
    types.GeneratorType: "gi_frame",
    types.CoroutineType: "cr_frame",
    types.AsyncGeneratorType: "ag_frame",
}


def edge_text(parent: object, child: object) -> str:
    """Return how ``child`` is reached from ``parent``: ``.name``, ``['key']``, ``[3]``.

    Args:
        parent: The referrer.
        child: One of its direct referents.

    Returns:
        The text to append to the parent's name; `` -> `` when the way has no name.
    """
    try:
        text = _edge_text(parent, child)
    except Exception:  # an object in any state may be on the path
        text = None
    return " -> " if text is None else text


def _edge_text(  # noqa: PLR0911  # one answer for each kind of parent
    parent: object, child: object
) -> str | None:
    if type(parent) is types.CellType:
        return ""
    if is_a(parent, types.FunctionType):
        return _in_function(parent, child)
    if is_a(parent, types.FrameType):
        return _in_frame(parent, child)
    if (frame_name := _SUSPENDED.get(type(parent))) is not None:
        frame = getattr(parent, frame_name)
        # Since CPython 3.11 there is a frame only once somebody has asked for it.
        return "" if frame is child else _in_frame(frame, child)
    for kind, names in _NAMED_PARTS:
        if is_a(parent, kind):
            for name in names:
                if getattr(parent, name, None) is child:
                    return f".{name}"
    if is_a(parent, functools._lru_cache_wrapper):
        return _in_cache_wrapper(parent, child)
    text = _in_attributes(parent, child)
    return _in_container(parent, child) if text is None else text


def _in_cache_wrapper(parent: object, child: object) -> str | None:
    if getattr(parent, "__wrapped__", None) is child:
        return ".__wrapped__"
    return _in_attributes(parent, child) or ""


def _in_container(parent: object, child: object) -> str | None:
    if is_a(parent, dict):
        return _in_mapping(parent, child)
    if is_a(parent, (list, tuple, deque)):
        for index, value in enumerate(parent):
            if value is child:
                return f"[{index}]"
    if is_a(parent, (set, frozenset)):
        return "{*}"
    return None


def _in_attributes(parent: object, child: object) -> str | None:
    if is_a(parent, type):
        for name, value in list(parent.__dict__.items()):
            if value is child:
                return f".{name}"
        return ".__bases__" if child in (parent.__bases__, parent.__mro__) else None
    attributes = attributes_of(parent)
    if attributes is not None:
        if attributes is child:
            return ""
        for name, value in _pairs(attributes):
            if value is child:
                return f".{name}"
    for name, value in slots_of(parent):
        if value is child:
            return f".{name}"
    return None
