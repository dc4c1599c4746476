"""What is different between two snapshots: by line, file, package, type or traceback?

Each snapshot numbers its frames by itself. They are given common numbers once, and everything else
is done on these.
"""

from __future__ import annotations

import operator
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, final

from pytest_leakguard import packages
from pytest_leakguard.snapshots.model import Header, Snapshot, Tables

By = Literal["line", "file", "package", "type", "traceback"]
BYS: tuple[By, ...] = ("line", "file", "package", "type", "traceback")
Order = Literal["size", "count"]

#: A frame as text has it: file and line.
Place = tuple[str, int]
#: Up to and with the folder of installed packages.
_INSTALLED_BELOW = re.compile(r".*[/\\](?:site|dist)-packages[/\\](?=.)")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much more there is of something.

    Attributes:
        what: A name, or the frames of a traceback, innermost first.
        size: Bytes, as the second snapshot has them.
        size_more: The same less those of the first one.
        count: Blocks or objects, as the second snapshot has them.
        count_more: The same less those of the first one.
    """

    what: str | tuple[Place, ...]
    size: int
    size_more: int
    count: int
    count_more: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is different.

    Attributes:
        by: What it is told by.
        shown: The differences, the largest first, as many as were asked for.
        more: How many there are beyond these.
        size: Bytes of the second snapshot in all.
        size_more: The same less those of the first one.
        count: Its blocks or objects in all.
        count_more: The same less those of the first one.
    """

    by: By
    shown: tuple[Difference, ...]
    more: int
    size: int
    size_more: int
    count: int
    count_more: int


def compare(first: Snapshot, second: Snapshot, by: By, *, limit: int, order: Order) -> Comparison:
    """Tell what is different between two snapshots.

    Args:
        first: The earlier one.
        second: The later one.
        by: What it is told by.
        limit: How many differences, at most.
        order: What is largest: in bytes, or in number, up or down.
    """
    totals = _Totals()
    if by == "traceback":
        common = _CommonFrames()
        for snapshot, sign in ((first, 0), (second, 1)):
            _add_tracebacks(totals, snapshot.tables, common, sign)
        return _ranked(totals, by, limit, order, common.places)
    for snapshot, sign in ((first, 0), (second, 1)):
        totals.add(sign, _grouped(snapshot, by))
    return _ranked(totals, by, limit, order, _as_name)


def runs_between(first: Header, second: Header) -> int:
    """Return the runs of a test between two snapshots; 0 if they are no pair."""
    is_pair = first.pair and first.pair == second.pair
    return second.runs if is_pair and (first.kind, second.kind) == ("before", "after") else 0


@final
class _Totals:
    """Bytes and numbers of two snapshots, by what they belong to."""

    def __init__(self) -> None:
        self.places: dict[str | bytes, int] = {}
        self.sizes: tuple[list[int], list[int]] = ([], [])
        self.counts: tuple[list[int], list[int]] = ([], [])

    def add(self, side: int, rows: Iterable[tuple[str | bytes, int, int]]) -> None:
        """Add what one of the snapshots has.

        Args:
            side: Which, 0 or 1.
            rows: What it belongs to, bytes and number.
        """
        places = self.places
        sizes, counts = self.sizes[side], self.counts[side]
        both = (*self.sizes, *self.counts)
        for key, size, count in rows:
            place = places.setdefault(key, len(places))
            if place == len(sizes):
                for column in both:
                    column.append(0)
            sizes[place] += size
            counts[place] += count


def _grouped(snapshot: Snapshot, by: By) -> Iterator[tuple[str, int, int]]:
    """Yield what a snapshot has by what it belongs to; the same may come several times."""
    tables = snapshot.tables
    names = tables.names
    if by == "type":
        for number, size, count in zip(
            tables.type_names, tables.type_sizes, tables.type_counts, strict=True
        ):
            yield names[number], size, count
        return
    sizes, counts = _by_innermost(tables)
    name_of: Callable[[str], str] = str
    if by == "package":
        header = snapshot.header
        known: dict[str, str] = {}

        def name_of(file: str) -> str:
            return known.get(file) or known.setdefault(file, package_of(file, header))

    for file, line, size, count in zip(
        tables.frame_files, tables.frame_lines, sizes, counts, strict=True
    ):
        if count or size:
            name = name_of(names[file])
            yield (f"{name}:{line}" if by == "line" else name), size, count


def _by_innermost(tables: Tables) -> tuple[list[int], list[int]]:
    """Return bytes and blocks of each frame that allocated."""
    sizes, counts = [0] * len(tables.frame_files), [0] * len(tables.frame_files)
    frames = tables.frames
    starts = accumulate(tables.depths, initial=0)
    for start, size, count in zip(starts, tables.sizes, tables.counts, strict=False):
        frame = frames[start]
        sizes[frame] += size
        counts[frame] += count
    return sizes, counts


@final
class _CommonFrames:
    """Numbers of frames that both snapshots have in common."""

    def __init__(self) -> None:
        self._numbers: dict[Place, int] = {}

    def of(self, tables: Tables) -> array[int]:
        """Return the frames of a snapshot's tracebacks by their common numbers."""
        numbers, names = self._numbers, tables.names
        common = array("I")
        for file, line in zip(tables.frame_files, tables.frame_lines, strict=True):
            common.append(numbers.setdefault((names[file], line), len(numbers)))
        if all(map(operator.eq, common, range(len(common)))):  # as a rule so of the first snapshot
            return tables.frames
        return array("I", map(common.__getitem__, tables.frames))

    def places(self, packed: str | bytes) -> tuple[Place, ...]:
        """Return the frames that a traceback's bytes stand for."""
        places = [*self._numbers]
        return tuple(places[number] for number in memoryview(_as_bytes(packed)).cast("I"))


def _add_tracebacks(totals: _Totals, tables: Tables, common: _CommonFrames, side: int) -> None:
    frames = common.of(tables)
    packed, width = frames.tobytes(), frames.itemsize
    del frames
    ends = accumulate(width * depth for depth in tables.depths)
    starts = accumulate((width * depth for depth in tables.depths), initial=0)
    keys = map(packed.__getitem__, map(slice, starts, ends))
    totals.add(side, zip(keys, tables.sizes, tables.counts, strict=True))


def _ranked(
    totals: _Totals,
    by: By,
    limit: int,
    order: Order,
    what: Callable[[str | bytes], str | tuple[Place, ...]],
) -> Comparison:
    (sizes_0, sizes_1), (counts_0, counts_1) = totals.sizes, totals.counts
    differing = [
        place
        for place, both in enumerate(zip(sizes_0, sizes_1, counts_0, counts_1, strict=True))
        if both[0] != both[1] or both[2] != both[3]
    ]

    def rank(place: int) -> tuple[int, int]:
        size, count = abs(sizes_1[place] - sizes_0[place]), abs(counts_1[place] - counts_0[place])
        return (-size, -count) if order == "size" else (-count, -size)

    differing.sort(key=rank)
    chosen = differing[:limit]
    wanted = {*chosen}
    keys = {place: key for key, place in totals.places.items() if place in wanted}
    return Comparison(
        by=by,
        shown=tuple(
            Difference(
                what=what(keys[place]),
                size=sizes_1[place],
                size_more=sizes_1[place] - sizes_0[place],
                count=counts_1[place],
                count_more=counts_1[place] - counts_0[place],
            )
            for place in chosen
        ),
        more=len(differing) - len(chosen),
        size=sum(sizes_1),
        size_more=sum(sizes_1) - sum(sizes_0),
        count=sum(counts_1),
        count_more=sum(counts_1) - sum(counts_0),
    )


def _as_name(key: str | bytes) -> str:
    return key if isinstance(key, str) else ""


def _as_bytes(key: str | bytes) -> bytes:
    return key if isinstance(key, bytes) else b""


def package_of(file: str, header: Header) -> str:
    """Return which package a file belongs to, as far as its name tells.

    Args:
        file: As the interpreter knows it.
        header: That of the snapshot, for its directories.
    """
    return packages.package_of(file, root=header.root, library=header.library)


def shortened(file: str, header: Header) -> str:
    """Return a file's name as it is shown: that below where its package lies.

    Args:
        file: As the interpreter knows it.
        header: That of the snapshot, for its directories.
    """
    if installed := _INSTALLED_BELOW.match(file):
        return file[installed.end() :]
    for directory in (header.root, header.library):
        below = packages.below_directory(file, directory)
        if below is not None:
            return below
    return file
