"""Does a holder have a bound? Known kinds say so themselves, home-made ones by an attribute."""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from pytest_leakguard.counters.containers import sized
from pytest_leakguard.diagnosis.naming import attributes_of, is_a, slots_of
from pytest_leakguard.model import Bound

_BOUND_NAME = re.compile(
    r"(_[a-z]\w*?__)?_*(max_?(size|len|length|entries|items|count|age)|capacity|size_limit|limit|maxlen)_*",
    re.IGNORECASE,
)
#: How many objects above the new ones are looked at: the container, its attributes, its owner.
_NEAR = 4


#: Caches that are emptied in one go grow past what they state, SQLAlchemy's by half.
OVERSHOOT = 1.5
#: Timers of a running loop that are due within so many seconds are bounded by that time.
SOON_SECONDS = 60.0
#: A connection looks through its list of cursors after so many new ones (CPython,
#: ``Modules/_sqlite/connection.c``, to 3.11; later ones keep them all until they die).
_CURSORS = 200


class StatedBound(NamedTuple):
    """A bound that an attribute states.

    Attributes:
        name: The attribute's name.
        text: The bound in words, with the fill.
        room: How many items may be added before it is passed.
    """

    name: str
    text: str
    room: int


def kept_bound(chain: Sequence[object], kept: Sequence[object] = ()) -> Bound:
    """Return a bound that the interpreter or its library keeps; an empty one if there is none.

    Args:
        chain: The objects from a root to the holder, both included.
        kept: What accumulates in the holder.
    """
    if due := _due_in(kept):
        words = f"running event loop: drops each timer when it is due, in {due:.0f} s at most"
        return Bound(text=words, kept=True)
    for obj in reversed(chain[-_NEAR:]):
        if is_a(obj, functools._lru_cache_wrapper):
            _, _, most, fill = obj.cache_info()
            if most is None:
                return Bound()
            words = f"functools.lru_cache: {fill} of {most} entries"
            return Bound(text=words, room=max(most + 1 - fill, 1), kept=True)
        if is_a(obj, sqlite3_connection()):
            words = f"sqlite3.Connection: drops dead cursors from its list every {_CURSORS}"
            return Bound(text=words, room=_CURSORS, kept=True)
        if is_a(obj, deque) and (most := deque.maxlen.__get__(obj)) is not None:
            fill = deque.__len__(obj)
            words = f"deque: {fill} of {most} items"
            return Bound(text=words, room=max(most + 1 - fill, 1), kept=True)
    return Bound()


def free_slots(container: object) -> int:
    """Return how many places of a container wait to be filled, all with one and the same thing.

    Args:
        container: Any object; only lists, deques and dictionaries have places.
    """
    numbers = Counter(map(id, _items(container)))
    most = max(numbers.values(), default=0)
    return most if most > 1 else numbers[id(None)]


def _items(container: Any) -> list[object]:
    """Return what is in a container, without asking user code."""
    if is_a(container, list):
        return [*list.__iter__(container)]
    if is_a(container, deque):
        return [*deque.__iter__(container)]
    return [*dict.values(container)] if is_a(container, dict) else []


def slots_bound(container: Any) -> Bound:
    """Return the bound of a container whose places are filled, and that grows no longer by that."""
    room, number = free_slots(container), len(_items(container))
    words = f"{type(container).__qualname__}: {number - room} of {number} places filled"
    return Bound(text=words, room=room, kept=True)


def _due_in(kept: Sequence[object]) -> float:
    """Return within how many seconds running loops drop all these timers; 0 if they do not."""
    handle_type = getattr(sys.modules.get("asyncio"), "TimerHandle", type(NotImplemented))
    latest = 0.0
    for handle in kept:
        if not is_a(handle, handle_type):
            return 0.0
        loop: Any = getattr(handle, "_loop", None)
        if loop is None or not loop.is_running():
            return 0.0
        # A cancelled one stays in the loop's heap until it is due, or until most are cancelled.
        latest = max(latest, handle.when() - loop.time(), 1.0)
    return latest if latest <= SOON_SECONDS else 0.0


def sqlite3_connection() -> type[object]:
    """Return the type of SQLite connections, or one that nothing is of if it is not in use."""
    module = sys.modules.get("sqlite3")
    return getattr(module, "Connection", type(NotImplemented))


def stated_bound(chain: Sequence[object]) -> StatedBound | None:
    """Return the bound that an attribute of a holder or its owner states by its name.

    Args:
        chain: The objects from a root to the holder, both included.
    """
    container = next((obj for obj in reversed(chain[-2:]) if sized(obj) is not None), None)
    if container is None or (length := sized(container)) is None:
        return None
    fill = length(container)
    for owner in reversed(chain[-_NEAR:]):
        if is_a(owner, ModuleType):
            continue
        for name, value in _stated_by(owner):
            if (
                isinstance(name, str)
                and type(value) is int
                and sys.maxsize > value * OVERSHOOT >= fill > 0
                and _BOUND_NAME.fullmatch(name)
            ):
                text = f"{type(owner).__qualname__}.{name}: {fill} of {value} items"
                return StatedBound(name, text, int(value * OVERSHOOT) + 1 - fill)
    return None


def _stated_by(owner: object) -> Iterator[tuple[object, object]]:
    yield from (attributes_of(owner) or {}).items()
    yield from slots_of(owner)
    for cls in type(owner).__mro__:
        if cls.__flags__ & _HEAP_TYPE:
            yield from cls.__dict__.items()


#: ``Py_TPFLAGS_HEAPTYPE``: classes made at run time, so those of Python code.
_HEAP_TYPE = 1 << 9
