"""What does a task, a coroutine, a thread or a timer wait for, and where?"""

from __future__ import annotations

import functools
import os
import sys
import threading
import types
from collections.abc import Iterable
from typing import Any

from pytest_leakguard.diagnosis.naming import attributes_of, is_a, type_name
from pytest_leakguard.diagnosis.sites import is_machinery

_SUSPENDED = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
_NAMED = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
#: How deep awaiting coroutines are followed.
_DEEPEST = 50


def waiting_text(objects: Iterable[object]) -> str:
    """Tell of the first task among some objects, else of a timer, thread or coroutine, its wait.

    Args:
        objects: What a holder retains.

    Returns:
        Such as ``task 'consumer': consume() waits at app.py:12``; empty when there is none.
    """
    suspended = ""
    for obj in objects:
        if is_a(obj, _class_in("_asyncio", "Task")):
            task: Any = obj
            where = _where(task.get_coro())
            return f"task {task.get_name()!r}{f': {where}' if where else ''}"
        suspended = suspended or _timer_text(obj) or _thread_text(obj)
        if is_a(obj, _SUSPENDED) and not suspended:
            suspended = _where(obj)
    return suspended


def _timer_text(obj: Any) -> str:
    if is_a(obj, threading.Timer):
        attributes = attributes_of(obj) or {}
        called, seconds = attributes.get("function"), attributes.get("interval")
        return f"timer {obj.name!r} calls {_name_of(called)} after {seconds} s"
    if is_a(obj, _class_in("asyncio", "TimerHandle")):
        called = getattr(obj, "_callback", None)
        if called is None:
            return "timer of an event loop, cancelled"
        return f"timer of an event loop: calls {_name_of(called)}"
    if is_a(obj, _class_in("sched", "Event")):
        called = getattr(obj, "action", None)
        return f"event of a scheduler: calls {_name_of(called)}"
    return ""


def _thread_text(obj: Any) -> str:
    if not is_a(obj, threading.Thread):
        return ""
    target = (attributes_of(obj) or {}).get("_target")
    return f"thread {obj.name!r}{'' if target is None else f' runs {_name_of(target)}'}"


def _name_of(function: object) -> str:
    if is_a(function, functools.partial):
        function = function.func
    named = getattr(function, "__qualname__", "") if is_a(function, _NAMED) else ""
    return f"{named}()" if named else type_name(function)


def _class_in(module: str, name: str) -> type[object]:
    """Return a class of a module, or one that nothing is of while the module is not loaded."""
    found: type[object] = getattr(sys.modules.get(module), name, type(NotImplemented))
    return found


def _where(suspended: object) -> str:
    """Tell a coroutine's name, and the innermost line of the user's that it waits at."""
    name = getattr(suspended, "__qualname__", "")
    place = ""
    awaiting: Any = suspended
    for _ in range(_DEEPEST):
        if not is_a(awaiting, _SUSPENDED):
            break
        kind = next(prefix for prefix in ("cr", "gi", "ag") if hasattr(awaiting, f"{prefix}_frame"))
        frame = getattr(awaiting, f"{kind}_frame")
        if frame is not None and not (place and is_machinery(frame.f_code.co_filename)):
            place = f" waits at {os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        awaiting = getattr(awaiting, "gi_yieldfrom" if kind == "gi" else f"{kind}_await", None)
    return f"{name}(){place}" if name else place.strip()
