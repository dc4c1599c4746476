"""Which Python objects are there, by type and by generation of the collector?

The collector knows containers only. What these refer to, such as texts, is found from them, so that
an object is missed only if nothing but C code, or a frame that is running, refers to it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Literal

from pytest_leakguard.memory_table import Collector, Generation, Objects, Tallied
from pytest_leakguard.weighing import class_name, scale

Order = Literal["size", "count"]

#: Objects that are asked at once for what they refer to: enough to make the calls cheap, and few
#: enough for the list of answers to stay small.
_AT_ONCE = 2000
#: Bytes beyond which Python's own allocator leaves a block to the C library (``obmalloc.c``).
_LARGE = 512
_GENERATIONS = 3
# Bound here because tests patch and mock the module's functions.
_get_objects, _get_referents = gc.get_objects, gc.get_referents
_enable, _disable, _is_enabled = gc.enable, gc.disable, gc.isenabled


def read_collector() -> Collector:
    """Tell what the garbage collector knows."""
    with _at_rest() as enabled:
        thresholds, counts, stats = gc.get_threshold(), gc.get_count(), gc.get_stats()
        generations = tuple(
            Generation(
                objects=len(_get_objects(generation=number)),
                count=counts[number],
                threshold=thresholds[number],
                collections=int(stats[number]["collections"]),
            )
            for number in range(_GENERATIONS)
        )
    return Collector(
        generations=generations,
        frozen=gc.get_freeze_count(),
        garbage=len(gc.garbage),
        enabled=enabled,
    )


def read_objects(limit: int, order: Order) -> Objects:
    """Count and weigh all objects.

    Args:
        limit: Types that are told one by one.
        order: Which come first: those with the most bytes, or the most objects.
    """
    with _at_rest():
        return _weighed(_get_objects(), limit, order)


@contextmanager
def _at_rest() -> Iterator[bool]:
    """Have no collection move objects, or run finalizers, meanwhile; yields whether it may else."""
    enabled = _is_enabled()
    _disable()
    try:
        yield enabled
    finally:
        if enabled:
            _enable()


def _weighed(listed: Sequence[object], limit: int, order: Order) -> Objects:
    kinds: dict[int, list[int]] = {}
    scales = {}
    classes = {}
    large = large_bytes = 0
    for obj in chain(listed, _untracked(listed)):
        cls = type(obj)
        key = id(cls)
        if (total := kinds.get(key)) is None:
            total = kinds[key] = [0, 0]
            scales[key], classes[key] = scale(cls), cls
        size = scales[key](obj)
        total[0] += 1
        total[1] += size
        if size > _LARGE:
            large += 1
            large_bytes += size
    named: dict[str, list[int]] = {}
    for key, (number, size) in kinds.items():
        total = named.setdefault(class_name(classes[key]), [0, 0])
        total[0] += number
        total[1] += size
    rows = [Tallied(name=name, number=one[0], size_bytes=one[1]) for name, one in named.items()]
    rows.sort(key=lambda row: (*_rank(row, order), row.name))
    return Objects(
        number=sum(row.number for row in rows),
        size_bytes=sum(row.size_bytes for row in rows),
        large=large,
        large_bytes=large_bytes,
        types=tuple(rows[:limit]),
        further=max(0, len(rows) - limit),
    )


def _rank(row: Tallied, order: Order) -> tuple[int, int]:
    if order == "size":
        return -row.size_bytes, -row.number
    return -row.number, -row.size_bytes


def _untracked(listed: Sequence[object]) -> list[object]:
    """Return what the listed objects refer to, at first or at second hand, and is not listed."""
    known = {*map(id, listed)}
    found: list[object] = []
    known.update((id(listed), id(known), id(found)))
    asked = listed
    while asked:
        fresh: list[object] = []
        for start in range(0, len(asked), _AT_ONCE):
            for obj in _get_referents(*asked[start : start + _AT_ONCE]):
                if id(obj) not in known:
                    known.add(id(obj))
                    fresh.append(obj)
        found += fresh
        asked = fresh
    return found
