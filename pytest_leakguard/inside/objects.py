"""Is an object still alive, and who holds it?"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Mapping
from typing import TypeVar

from pytest_leakguard.errors import LeakFoundError
from pytest_leakguard.heap import Heap
from pytest_leakguard.inside.caller import calling_frame, place_of

_T = TypeVar("_T")


def assert_collected(obj: object, *, variables: Callable[[], Mapping[str, object]] = dict) -> None:
    """Assert that nothing keeps an object alive but the variables of the calls that are running.

    All garbage is collected first. An object is looked for from every module, class, other thread,
    context variable and registry of the interpreter. What only native code holds is not found that
    way: give a weak reference and delete your own ones, and any holder is seen.

    Args:
        obj: The object, or a weak reference to it, which must be dead.
        variables: Further named places where holders may live.

    Raises:
        LeakFoundError: It is held; the text has the retention path.
    """
    __tracebackhide__ = True
    from pytest_leakguard import settle
    from pytest_leakguard.diagnosis.naming import type_name
    from pytest_leakguard.diagnosis.paths import retention_path
    from pytest_leakguard.diagnosis.roots import Roots
    from pytest_leakguard.diagnosis.walk import Reached

    is_weak = isinstance(obj, weakref.ref)
    gc.collect()
    settle.deeply(Heap(frozen=False))
    target = obj() if isinstance(obj, weakref.ref) else obj
    if target is None and is_weak:
        return
    roots = Roots(variables).all()
    entry = Reached(roots).entry_of(target)
    kind = type_name(target)
    if entry is not None:
        _, steps = retention_path(roots[entry.root], entry.chain)
        way = " -> ".join(
            [steps[0].via, *(f"{step.via.strip()} ({step.type})" for step in steps[1:])]
        )
        held = f"held by {way}"
    elif is_weak:
        held = (
            "no module, class or other thread leads to it: a variable of a running call, native"
            " code, or a reference count that was never given back"
        )
    else:
        return
    raise LeakFoundError(f"{place_of(calling_frame())}: {kind} is not collected: {held}")


def survivors(kind: type[_T]) -> list[_T]:
    """Return the instances of a type that are alive in this process, garbage aside.

    Instances of its subclasses are among them. Only what the collector tracks is found, which every
    instance of a class written in Python is.

    Args:
        kind: The type.
    """
    gc.collect()
    # Asking an object for its class could run the code of a proxy.
    return [obj for obj in gc.get_objects() if issubclass(type(obj), kind)]
