"""What does each holder retain more of, from each census to the next?"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, final

from pytest_leakguard.diagnosis import census
from pytest_leakguard.diagnosis.capacity import free_slots
from pytest_leakguard.diagnosis.census import Held, Key, Tally
from pytest_leakguard.identity import identity_of

_POOL = "concurrent.futures.thread"
_LOCK = type(threading.Lock())
#: What ``weakref.finalize`` notes of each finalizer; Any, since it has no public name.
_FINALIZER_INFO: Any = getattr(weakref.finalize, "_Info", None)


def _is_storage(kind: type) -> bool:
    """Tell whether objects of a type only store what a context has: its variables are named."""
    return kind.__module__ == "builtins" and kind.__name__.startswith("hamt")


@final
class Accumulation:
    """What one holder retains more of than at the earlier censuses.

    It counts only if it rose from each census to the next: what is traced by chance of the
    interpreter's free lists rises once.

    Args:
        held: The holder at the last census.
        before: Its tallies at the two earlier ones; without any, all that is held counts.

    Attributes:
        held: The holder with what it retains now.
        direct: New objects that it refers to itself, by type.
        counts: The same for all that is reached through it.
        sizes: Their growth in bytes, by type.
        size_bytes: Their growth in bytes together; negative if they became smaller.
    """

    def __init__(self, held: Held, before: Sequence[Tally] = ()) -> None:
        self.held = held
        if not before:
            self.direct, self.counts = held.tally.direct, held.tally.all
            self.sizes, self.size_bytes = held.tally.sizes, held.tally.size_bytes
            self._replaces, self._grew = False, True
            return
        first, middle, last = *before, held.tally
        self.direct = _rising(first.direct, middle.direct, last.direct)
        self.counts = _rising(first.all, middle.all, last.all)
        self.sizes = last.sizes - first.sizes
        self.size_bytes = last.size_bytes - first.size_bytes
        # New items in the place of old ones: a ring that is full, not one that grows.
        self._replaces = bool(self.direct) and _is_no_longer(first.length, last.length)
        self._grew = first.size_bytes < middle.size_bytes < last.size_bytes

    def __bool__(self) -> bool:
        return (bool(self.counts) or self._grew) and not self._replaces

    def fills_slots(self) -> bool:
        """Tell whether it puts new items where places of the holder are still free."""
        return bool(self.counts) and self._replaces and bool(free_slots(self.held.entry.holder))

    def is_byproduct(self) -> bool:
        """Tell whether this only follows from something else being kept."""
        kinds = {type(kid) for kid in self.held.kids}
        if kinds and all(map(_is_storage, kinds)):
            return True
        references = {kind for kind in kinds if issubclass(kind, (weakref.ref, _LOCK))}
        if references and kinds - references <= {str, int}:
            return True
        chain = self.held.entry.chain
        return any(obj is bookkeeping for obj in chain for bookkeeping in _bookkeeping())

    def is_watching(self) -> bool:
        """Tell whether these are finalizers, which are kept for as long as what they watch."""
        return any(issubclass(type(kid), weakref.finalize) for kid in self.held.kids)

    def watched_ids(self) -> set[int]:
        """Return the identities of what finalizers watch."""
        if not self.is_watching():
            return set()
        infos: list[Any] = [obj for obj in self.held.everything if type(obj) is _FINALIZER_INFO]
        return {identity_of(watched) for info in infos if (watched := info.weakref()) is not None}


def find_accumulations(
    last: dict[Key, Held], before: Sequence[Mapping[Key, Tally]]
) -> list[Accumulation]:
    """Return what accumulates, by holder, in the order of the census.

    Weak references and bookkeeping of threads are left out if what they are about is there. Places
    that are filled count where nothing else does.

    Args:
        last: The last census.
        before: The tallies of the two earlier ones.
    """
    together = [
        Accumulation(held, [tally.get(key, Tally()) for tally in before])
        for key, held in census.fold_new_places(last, before[0]).items()
    ]
    rising = [one for one in together if one] or [one for one in together if one.fills_slots()]
    retained = {
        identity_of(obj)
        for accumulation in rising
        if not accumulation.is_watching()
        for obj in accumulation.held.everything
    }
    return [
        accumulation
        for accumulation in rising
        if not accumulation.is_byproduct() and not accumulation.watched_ids() & retained
    ] or rising


def _bookkeeping() -> list[object]:
    """What the library keeps of every live thread and executor, beside the one main list."""
    places = (
        ("threading", "_dangling"),
        ("threading", "_shutdown_locks"),
        (_POOL, "_threads_queues"),
    )
    return [getattr(sys.modules.get(module), name, None) or object() for module, name in places]


def _is_no_longer(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after <= before


def _rising(first: Counter[str], middle: Counter[str], last: Counter[str]) -> Counter[str]:
    return Counter(
        {
            name: count - first[name]
            for name, count in last.items()
            if first[name] < middle[name] < count
        }
    )
