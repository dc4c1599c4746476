"""What is in use now, by traceback and by type?

Nothing here asks the tested code: types are told by their identity, and objects weighed by C only.
"""

from __future__ import annotations

import gc
import os
import platform
import sysconfig
import time
import tracemalloc
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import final

from pytest_leakguard import settle
from pytest_leakguard.counters import Counter
from pytest_leakguard.diagnosis import naming, traces
from pytest_leakguard.heap import is_in_use
from pytest_leakguard.raw_traces import RawTrace, raw_traces
from pytest_leakguard.snapshots.model import Header, Scope, Snapshot, Tables, column
from pytest_leakguard.weighing import Kind, tallied

_Frame = tuple[str, int]

# Bound here because tests patch and mock the modules' functions.
_get_objects, _get_freeze_count = gc.get_objects, gc.get_freeze_count
_freeze, _unfreeze = gc.freeze, gc.unfreeze
_time, _getpid = time.time, os.getpid
_PYTHON, _PLATFORM = platform.python_version(), platform.platform()
_LIBRARY = sysconfig.get_paths().get("stdlib", "")
_RESIDENT = "/proc/self/statm"
_page_bytes = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


def new_tables(root: str) -> Snapshot:
    """Take what is new since tracing began, while a test's re-runs go on.

    The type table leaves out what the measurer has made meanwhile.

    Args:
        root: Directory that file names will be shown relative to.
    """
    objects = [one for one in _get_objects() if not _is_measurers(traces.traceback_of(one))]
    scope: Scope = "new" if _get_freeze_count() else "all"
    return _taken(objects, root, scope)


def whole_heap(root: str) -> tuple[Snapshot, bool]:
    """Take all that there is, at any moment.

    What the re-runs of a test have frozen is thawed for a moment, and frozen again with what is
    new: that test cannot be judged any more. What others have frozen stays so and is not counted.

    Args:
        root: Directory that file names will be shown relative to.

    Returns:
        The snapshot, and whether re-runs were going on.
    """
    disturbs = is_in_use()
    scope: Scope = "all"
    if _get_freeze_count():
        if disturbs:
            _unfreeze()
        else:
            scope = "not frozen"
    try:
        objects = _get_objects()
    finally:
        if disturbs and scope == "all":
            _freeze()
    return _taken(objects, root, scope), disturbs


def _taken(objects: Sequence[object], root: str, scope: Scope) -> Snapshot:
    limit = 0
    names = _Names()
    kinds = tallied(objects)
    tables = _Tracebacks(names)
    if tracemalloc.is_tracing():
        limit = tracemalloc.get_traceback_limit()
        tables.add(raw_traces(tracemalloc.take_snapshot()))
    header = Header(
        kind="moment",
        time=_time(),
        pid=_getpid(),
        python=_PYTHON,
        platform=_PLATFORM,
        root=root,
        library=_LIBRARY,
        frame_limit=limit,
        scope=scope,
    )
    return Snapshot(header=header, tables=tables.with_types(kinds))


def figures_of(counters: Iterable[Counter]) -> dict[str, int]:
    """Read counters, and what the system and tracemalloc say of memory, as far as they do.

    Args:
        counters: Read as they are: one of objects leaves out those that are frozen.

    Returns:
        Numbers by name, of bytes where that ends so.
    """
    figures: dict[str, int] = {}
    for counter in counters:
        with suppress(Exception):  # in a test that has patched what it is read by
            figures[counter.name] = max(counter.read(), 0)
    with suppress(OSError, ValueError, IndexError), open(_RESIDENT, "rb") as file:
        figures["resident_bytes"] = int(file.read().split()[1]) * _page_bytes
    if tracemalloc.is_tracing():
        figures["traced_bytes"], figures["traced_peak_bytes"] = tracemalloc.get_traced_memory()
        figures["tracemalloc_bytes"] = tracemalloc.get_tracemalloc_memory()
    return figures


def _is_measurers(lines: Sequence[_Frame] | None) -> bool:
    """Tell whether the measurer has allocated something, by its lines, innermost first."""
    for depth, (file, _) in enumerate(lines or ()):
        if depth < traces.DEPTH and file.startswith(_MEASURING):
            return True
        if file.startswith(_OWN):
            return not depth or file.startswith(_MEASURING) or file == settle.__file__
    return False


@final
class _Names(dict[str, int]):
    """Gives each name a number; the empty name has the first."""

    def __init__(self) -> None:
        self[""] = 0

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self)
        return number


@final
class _Frames(dict[_Frame, int]):
    """Gives each frame a number, and knows which are the measurer's own.

    Attributes:
        files: The number of each one's file.
        lines: Its line.
        own: Those of this package.
        measuring: Those of what runs no test, or only far away from it.
    """

    def __init__(self, names: _Names) -> None:
        self._names = names
        self.files, self.lines = column("I"), column("I")
        self.own: set[int] = set()
        self.measuring: set[int] = set()

    def __missing__(self, frame: _Frame) -> int:
        file, line = frame
        number = self[frame] = len(self)
        self.files.append(self._names[file])
        self.lines.append(line)
        if file.startswith(_OWN):
            self.own.add(number)
        if file.startswith(_MEASURING) or file == settle.__file__:
            self.measuring.add(number)
        return number


@final
class _Tracebacks:
    """Columns of tracebacks, each once, with what is in use by them."""

    def __init__(self, names: _Names) -> None:
        self._names = names
        self._frames = _Frames(names)
        self._column = column("I")
        self._depths = column("I")
        # No arrays: reading those makes a number each time, and each is traced.
        self._sizes: list[int] = []
        self._counts: list[int] = []

    def add(self, raw: Iterable[RawTrace]) -> None:
        """Add traces. Those of one traceback share the object that stands for it."""
        places: dict[int, int] = {}
        sizes, counts = self._sizes, self._counts
        for _, size, frames, _ in raw:
            place = places.get(id(frames))
            if place is None:
                place = places[id(frames)] = self._place(frames)
            if place >= 0:
                sizes[place] += size
                counts[place] += 1

    def _place(self, frames: Sequence[_Frame]) -> int:
        """Take a traceback in, without those who had the test run; -1 if it is the measurer's."""
        known = self._frames
        numbers = [*map(known.__getitem__, frames)]
        if not known.measuring.isdisjoint(numbers[: traces.DEPTH]):
            return -1
        if not known.own.isdisjoint(numbers):
            end = next(place for place, number in enumerate(numbers) if number in known.own)
            if not end or numbers[end] in known.measuring:
                return -1
            del numbers[end:]
        self._column.extend(numbers)
        self._depths.append(len(numbers))
        self._sizes.append(0)
        self._counts.append(0)
        return len(self._depths) - 1

    def with_types(self, kinds: Iterable[Kind]) -> Tables:
        """Return the tables, with those of types."""
        weighed: dict[str, list[int]] = {}
        for kind, _, number, size in kinds:
            total = weighed.setdefault(naming.class_name(kind), [0, 0])
            total[0] += number
            total[1] += size
        rows = [(self._names[name], *total) for name, total in weighed.items()]
        return Tables(
            names=[*self._names],
            frame_files=self._frames.files,
            frame_lines=self._frames.lines,
            depths=self._depths,
            sizes=array("Q", self._sizes),
            counts=array("Q", self._counts),
            frames=self._column,
            type_names=array("I", [row[0] for row in rows]),
            type_counts=array("Q", [row[1] for row in rows]),
            type_sizes=array("Q", [row[2] for row in rows]),
        )


_OWN = traces.PACKAGE + os.sep
_MEASURING = (*traces.MEASURING, os.path.dirname(__file__))
