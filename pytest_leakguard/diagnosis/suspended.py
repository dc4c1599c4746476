"""What does a task, a coroutine or a generator wait for, and where?"""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Iterable
from typing import Any

from pytest_leakguard.diagnosis.naming import is_a
from pytest_leakguard.diagnosis.sites import is_machinery

_SUSPENDED = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
#: How deep awaiting coroutines are followed.
_DEEPEST = 50


def waiting_text(objects: Iterable[object]) -> str:
    """Tell of the first task among some objects, else of the first coroutine, where it waits.

    Args:
        objects: What a holder retains.

    Returns:
        Such as ``task 'consumer': consume() waits at app.py:12``; empty when there is neither.
    """
    suspended = ""
    for obj in objects:
        if is_a(obj, _task_type()):
            task: Any = obj
            where = _where(task.get_coro())
            return f"task {task.get_name()!r}{f': {where}' if where else ''}"
        if is_a(obj, threading.Thread) and not suspended:
            target = getattr(obj, "_target", None)
            name = getattr(target, "__qualname__", "")
            suspended = f"thread {obj.name!r}{f' runs {name}()' if name else ''}"
        if is_a(obj, _SUSPENDED) and not suspended:
            suspended = _where(obj)
    return suspended


def _task_type() -> type[object]:
    """Return the type of asyncio's tasks, or one that nothing is of if it is not in use."""
    found: type[object] = getattr(sys.modules.get("_asyncio"), "Task", type(NotImplemented))
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
