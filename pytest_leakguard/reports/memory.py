"""The report for people on where memory is, in full."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from pytest_leakguard.escaping import printable
from pytest_leakguard.memory_table import (
    Arenas,
    Collector,
    Mapped,
    MemoryTable,
    NativeHeap,
    Tallied,
)
from pytest_leakguard.reports.columns import aligned
from pytest_leakguard.reports.memory_in_short import percent
from pytest_leakguard.units import format_number, format_size, plural

#: Sizes of blocks that are named, of which most lies idle.
_MOST_CLASSES = 5
#: What parts of a table are called where they are missing.
_PARTS = {
    "rss": "RSS",
    "uss": "USS",
    "arenas": "arenas, pools and blocks",
    "free_lists": "free lists",
    "native": "native heap",
    "native_free": "what is free in the native heap",
    "maps": "maps",
    "traced": "traced bytes by package",
    "objects": "objects by type",
}
Row = tuple[str, str, str, str]
HEADINGS: Row = ("where", "size", "number", "what it is")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of a table: what is told one by one.

    Attributes:
        title: What it lists, and in which order.
        headings: Of its columns; that of names may be empty.
        rows: Cells of each row.
        numbers: How many of the first columns are numbers.
        more: How many rows there are beyond these.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int
    more: int = 0


def memory_lines(table: MemoryTable, *, limit: int, hint: str = "") -> Iterator[str]:
    """Write all of a table.

    Args:
        table: What was measured.
        limit: Rows of each of its lists.
        hint: How to have more of them, in words; may be empty.
    """
    moment = f", {printable(table.moment)}" if table.moment else ""
    yield f"memory of {table.process}, Python {table.python}{moment}"
    yield ""
    yield from aligned([HEADINGS, *rows_of(table)], numbers=(1, 2))
    yield ""
    yield from conclusions(table)
    for listing in listings(table, limit=limit):
        yield ""
        yield listing.title
        for line in aligned([listing.headings, *listing.rows], numbers=range(listing.numbers)):
            yield f"  {line}"
        if listing.more:
            yield f"  ... and {listing.more:,} more{f' ({hint})' if hint else ''}"


def _row(name: str, size: int | None, number: int | None, text: str) -> Iterator[Row]:
    """Yield a row, unless its size is unknown: then another line has the reason."""
    if size is not None:
        yield name, format_size(size), "" if number is None else format_number(number), text


def rows_of(table: MemoryTable) -> Iterator[Row]:
    """Yield the rows of a table: where memory is, how much, how many, and in words."""
    yield from _row("RSS", table.rss_bytes, None, "in physical memory")
    yield from _row("  USS", table.uss_bytes, None, "part of it that no other process shares")
    if table.arenas is not None:
        yield from _arena_rows(table.arenas)
    if table.native is not None:
        yield from _native_rows(table.native)
    if (objects := table.objects) is not None:
        text = "Python objects of more than 512 B, which are there"
        yield from _row("  large objects", objects.large_bytes, objects.large, text)
        text = "all that were found, by their own size"
        yield from _row("Python objects", objects.size_bytes, objects.number, text)
    if (traced := table.traced) is not None:
        text = f"allocated since tracemalloc began; {format_size(traced.peak_bytes)} at most"
        yield from _row("traced", traced.size_bytes, None, text)
        text = "tracemalloc's own, on the native heap"
        yield from _row("  its records", traced.own_bytes, None, text)
    if table.maps:
        number = sum(one.number for one in table.maps)
        size = sum(one.size_bytes for one in table.maps)
        yield from _row("mapped", size, number, "address space, in physical memory or not")


def _arena_rows(arenas: Arenas) -> Iterator[Row]:
    highest = "" if arenas.most is None else f"; {arenas.most:,} at most"
    text = f"of {format_size(arenas.arena_bytes)}, for blocks of up to 512 B{highest}"
    yield from _row("Python's arenas", arenas.size_bytes, arenas.number, text)
    pools = plural(sum(one.pools for one in arenas.classes), "pool")
    yield from _row("  blocks in use", arenas.in_use_bytes, arenas.blocks, f"in {pools}")
    free = sum(one.free for one in arenas.classes)
    text = "in the same pools, each for blocks of its size only"
    yield from _row("  free blocks", arenas.free_block_bytes, free, text)
    text = "without a block in use, for blocks of any size"
    yield from _row("  free pools", arenas.free_pool_bytes, arenas.free_pools, text)
    yield from _row("  lost", arenas.lost_bytes, None, "to heads of pools, rounding and alignment")
    if arenas.free_lists:
        size = sum(one.size_bytes for one in arenas.free_lists)
        number = sum(one.number for one in arenas.free_lists)
        text = "freed objects, kept for reuse in blocks that count as in use"
        yield from _row("  free lists", size, number, text)


def _native_rows(native: NativeHeap) -> Iterator[Row]:
    text = "of the C library: larger objects of Python, and extensions"
    yield from _row("native heap", native.size_bytes, None, text)
    yield from _row("  in use", native.in_use_bytes, None, "")
    top = "" if native.top_bytes is None else f"; {format_size(native.top_bytes)} of it at the end"
    yield from _row("  free", native.free_bytes, None, f"kept for later requests{top}")
    text = "for single large requests, in use as well"
    yield from _row("  mapped", native.mapped_bytes, None, text)


def conclusions(table: MemoryTable) -> Iterator[str]:
    """Say what follows from a table, and what is missing in it."""
    if table.arenas is not None and table.arenas.number:
        share = percent(table.arenas.fragmentation)
        yield f"fragmentation: {share} of the arenas' bytes are in no block in use"
    yield from _explained(table)
    for name, why in table.absent.items():
        yield f"missing: {_PARTS.get(name, name)}: {why}"


def _explained(table: MemoryTable) -> Iterator[str]:
    """Say how far the parts add up to what is in physical memory."""
    rss, accounted = table.rss_bytes, table.accounted_bytes
    if not rss or accounted is None:
        return
    share = percent(accounted / rss)
    yield f"explained: {share} of RSS, by arenas, native heap, mapped files and the stack"
    residual = rss - accounted
    if residual > 0:
        yield f"unexplained: {format_size(residual)}, such as stacks of threads"
    else:
        yield f"not resident: {format_size(-residual)} of that, such as what was never touched"


def listings(table: MemoryTable, *, limit: int) -> Iterator[Listing]:
    """Yield what of a table is told one by one.

    Args:
        table: What was measured.
        limit: Rows of each list.
    """
    if table.arenas is not None and (listing := _idle_blocks(table.arenas, limit)).rows:
        yield listing
    if table.maps:
        yield _mapped("mapped, by kind", table.maps, 0, len(table.maps))
    if table.files:
        title = "mapped files, the most resident first"
        yield _mapped(title, table.files, table.further_files, limit)
    if table.traced is not None and (packages := table.traced.packages):
        yield _tallied("traced, by package", "blocks", packages, table.traced.further, limit)
    if table.collector is not None:
        yield _generations(table.collector)
    if table.objects is not None:
        types = table.objects.types
        yield _tallied("objects, by type", "objects", types, table.objects.further, limit)


def _idle_blocks(arenas: Arenas, limit: int) -> Listing:
    idle = [one for one in arenas.classes if one.free]
    idle.sort(key=lambda one: (-one.free_bytes, one.block_bytes))
    return Listing(
        title="free blocks by size, the most bytes first",
        headings=("free", "blocks", "in use", "pools", "of blocks of"),
        rows=tuple(
            (
                format_size(one.free_bytes),
                format_number(one.free),
                format_number(one.in_use),
                format_number(one.pools),
                format_size(one.block_bytes),
            )
            for one in idle[: min(limit, _MOST_CLASSES)]
        ),
        numbers=5,
    )


def _generations(collector: Collector) -> Listing:
    off = "" if collector.enabled else ", switched off"
    beside = f"{collector.frozen:,} frozen, {collector.garbage:,} in gc.garbage"
    return Listing(
        title=f"garbage collector{off}: {beside}",
        headings=("objects", "count", "threshold", "collections", "generation"),
        rows=tuple(
            (
                format_number(one.objects),
                format_number(one.count),
                format_number(one.threshold),
                format_number(one.collections),
                str(number),
            )
            for number, one in enumerate(collector.generations)
        ),
        numbers=4,
    )


def _mapped(title: str, mapped: tuple[Mapped, ...], further: int, limit: int) -> Listing:
    return Listing(
        title=title,
        headings=("resident", "size", "number", ""),
        rows=tuple(
            (
                format_size(one.resident_bytes),
                format_size(one.size_bytes),
                format_number(one.number),
                printable(os.path.basename(one.name)),
            )
            for one in mapped[:limit]
        ),
        numbers=3,
        more=len(mapped[limit:]) + further,
    )


def _tallied(
    title: str, noun: str, tallied: tuple[Tallied, ...], further: int, limit: int
) -> Listing:
    return Listing(
        title=title,
        headings=("size", noun, ""),
        rows=tuple(
            (format_size(one.size_bytes), format_number(one.number), printable(one.name))
            for one in tallied[:limit]
        ),
        numbers=2,
        more=len(tallied[limit:]) + further,
    )
