"""Where is this process's memory now? Measured by what the system and the allocators tell."""

from __future__ import annotations

import os
import platform
import sysconfig
import tracemalloc
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from pytest_leakguard.counters.c_heap import read_c_heap
from pytest_leakguard.counters.footprint import read_rss, read_uss
from pytest_leakguard.counters.maps import read_maps
from pytest_leakguard.memory.arenas import read_arenas
from pytest_leakguard.memory.objects import Order, read_collector, read_objects
from pytest_leakguard.memory.traced import read_traced
from pytest_leakguard.memory.tracing import Tracing
from pytest_leakguard.memory_table import MemoryTable

__all__ = ["Order", "measure"]

_LIBRARY = sysconfig.get_paths().get("stdlib", "")
_NOT_TOLD = "not told by this system"
_T = TypeVar("_T")


def measure(  # noqa: PLR0913  # all of them by name
    *,
    objects: bool = True,
    limit: int = 10,
    order: Order = "size",
    root: str = "",
    worker: str = "",
    moment: str = "",
    tracing: Tracing | None = None,
) -> MemoryTable:
    """Measure where this process's memory is.

    What is measured first is not moved by what comes later: objects, which take memory to look at,
    are the last. No user code runs.

    Args:
        objects: Look at all objects, for their types, and at what tracemalloc has recorded, for
            its packages: 280 ms for 342,000 objects. The rest takes some 10 ms.
        limit: Types, packages and mapped files that are told one by one.
        order: Which types come first: with the most bytes, or the most objects.
        root: Directory of the user's own code, by which its packages are told; empty if unknown.
        worker: Name of this process among those of a session; empty if it is the only one.
        moment: When this is, in words; may be empty.
        tracing: By what tracemalloc was started: without it arenas are unknown while that is on.
    """
    absent: dict[str, str] = {}
    rss = _noted(read_rss, "rss", absent)
    uss = _noted(read_uss, "uss", absent)
    native = _noted(read_c_heap, "native", absent)
    if native is not None and native.free_bytes is None:
        absent["native_free"] = "not told by this C library"
    with nullcontext() if tracing is None else tracing.lifted():
        allocator, arenas, why = read_arenas()
    absent.update(why)
    kinds, files = read_maps()
    if not kinds:
        absent["maps"] = _NOT_TOLD
    if not tracemalloc.is_tracing():
        absent["traced"] = "tracemalloc is off"
    if not objects:
        absent["objects"] = "not looked at"
    return MemoryTable(
        process=f"{worker}, process {os.getpid()}" if worker else f"process {os.getpid()}",
        python=platform.python_version(),
        moment=moment,
        rss_bytes=rss,
        uss_bytes=uss,
        allocator=allocator,
        arenas=arenas,
        native=native,
        maps=kinds,
        files=files[:limit],
        further_files=max(0, len(files) - limit),
        traced=read_traced(root, _LIBRARY, limit if objects else 0),
        collector=read_collector(),
        objects=read_objects(limit, order) if objects else None,
        absent=absent,
    )


def _noted(read: Callable[[], _T | None], name: str, absent: dict[str, str]) -> _T | None:
    """Read something, and note that it could not be read if so."""
    found = read()
    if found is None:
        absent[name] = _NOT_TOLD
    return found
