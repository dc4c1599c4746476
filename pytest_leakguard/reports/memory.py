"""The report for people on where memory is: in full, or in a few lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from pytest_leakguard.escaping import printable
from pytest_leakguard.memory_table import Arenas, Mapped, MemoryTable, NativeHeap, Tallied
from pytest_leakguard.reports.summary import aligned
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
#: Parts that a failure's page tells of.
_ON_PAGE = ("resident", "arenas", "native heap", "maps")
Row = tuple[str, str, str, str]


def memory_lines(table: MemoryTable, *, limit: int) -> Iterator[str]:
    """Write all of a table.

    Args:
        table: What was measured.
        limit: Rows of each of its lists.
    """
    moment = f", {printable(table.moment)}" if table.moment else ""
    yield f"memory of {table.process}, Python {table.python}{moment}"
    yield ""
    rows = [("where", "size", "number", "what it is"), *_rows(table)]
    yield from aligned(rows, numbers=(1, 2))
    yield ""
    yield from _conclusions(table)
    for title, lines in _lists(table, limit):
        yield ""
        yield title
        for line in lines:
            yield f"  {line}"


def short_lines(table: MemoryTable) -> Iterator[str]:
    """Write a table in few lines: the name of each part, and what matters of it."""
    for name, text in _in_short(table):
        yield f"{name:<12} {text}"


def page_lines(table: MemoryTable) -> Iterator[str]:
    """Write what matters of a table beside growth in bytes, as part of a failure's page."""
    first = " memory     "
    for name, text in _in_short(table):
        if name in _ON_PAGE:
            yield f"{first}{text}" if name == "resident" else f"{first}{name} {text}"
            first = " " * len(first)


def _in_short(table: MemoryTable) -> Iterator[tuple[str, str]]:
    resident = [
        f"{name} {format_size(size)}"
        for name, size in (("RSS", table.rss_bytes), ("USS", table.uss_bytes))
        if size is not None
    ]
    yield "resident", ", ".join(resident) or _why(table, "rss")
    arenas, native = table.arenas, table.native
    yield "arenas", _arenas_text(arenas) if arenas is not None else _why(table, "arenas")
    yield "native heap", _native_text(native) if native is not None else _why(table, "native")
    if table.maps:
        number = sum(one.number for one in table.maps)
        size = sum(one.size_bytes for one in table.maps)
        kinds = ", ".join(
            f"{format_size(one.resident_bytes)} {one.name}"
            for one in table.maps
            if one.resident_bytes >= 2**20
        )
        yield "maps", f"{format_size(size)} in {number:,}; resident {kinds or 'less than 1 MiB'}"
    if table.collector is not None:
        counts = ", ".join(format_number(one.objects) for one in table.collector.generations)
        yield "gc", f"{counts} objects by generation; {table.collector.frozen:,} frozen"
    if table.traced is not None:
        peak = format_size(table.traced.peak_bytes)
        yield "traced", f"{format_size(table.traced.size_bytes)} in use; {peak} at most"


def _arenas_text(arenas: Arenas) -> str:
    return (
        f"{format_size(arenas.size_bytes)}: {format_size(arenas.in_use_bytes)} in"
        f" {plural(arenas.blocks, 'block')} in use; fragmentation {_percent(arenas.fragmentation)}"
    )


def _native_text(native: NativeHeap) -> str:
    free = "" if native.free_bytes is None else f", {format_size(native.free_bytes)} free"
    mapped = format_size(native.mapped_bytes)
    return f"{format_size(native.in_use_bytes)} in use{free}; {mapped} mapped for large requests"


def _why(table: MemoryTable, name: str) -> str:
    return f"unknown: {table.absent.get(name, 'not measured')}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _row(name: str, size: int | None, number: int | None, text: str) -> Iterator[Row]:
    """Yield a row, unless its size is unknown: then another line has the reason."""
    if size is not None:
        yield name, format_size(size), "" if number is None else format_number(number), text


def _rows(table: MemoryTable) -> Iterator[Row]:
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


def _conclusions(table: MemoryTable) -> Iterator[str]:
    if table.arenas is not None and table.arenas.number:
        share = _percent(table.arenas.fragmentation)
        yield f"fragmentation: {share} of the arenas' bytes are in no block in use"
    yield from _explained(table)
    for name, why in table.absent.items():
        yield f"not known: {_PARTS.get(name, name)}: {why}"


def _explained(table: MemoryTable) -> Iterator[str]:
    """Say how far the parts add up to what is in physical memory."""
    rss, accounted = table.rss_bytes, table.accounted_bytes
    if not rss or accounted is None:
        return
    share = _percent(accounted / rss)
    yield f"explained: {share} of RSS, by arenas, native heap, mapped files and the stack"
    residual = rss - accounted
    if residual > 0:
        yield f"unexplained: {format_size(residual)}, such as stacks of threads"
    else:
        yield f"not resident: {format_size(-residual)} of that, such as what was never touched"


def _lists(table: MemoryTable, limit: int) -> Iterator[tuple[str, Iterable[str]]]:
    if table.arenas is not None:
        idle = [one for one in table.arenas.classes if one.free]
        idle.sort(key=lambda one: (-one.free_bytes, one.block_bytes))
        rows = [["free", "blocks", "in use", "pools", "of blocks of"]]
        rows += [
            [
                format_size(one.free_bytes),
                format_number(one.free),
                format_number(one.in_use),
                format_number(one.pools),
                format_size(one.block_bytes),
            ]
            for one in idle[: min(limit, _MOST_CLASSES)]
        ]
        if idle:
            yield "free blocks by size, the most bytes first", aligned(rows, numbers=range(5))
    if table.maps:
        yield "mapped, by kind", _mapped_lines(table.maps, 0, len(table.maps))
    if table.files:
        yield (
            "mapped files, the most resident first",
            _mapped_lines(table.files, table.further_files, limit),
        )
    if table.traced is not None and table.traced.packages:
        traced = table.traced
        yield "traced, by package", _tallied_lines(traced.packages, "blocks", traced.further, limit)
    if table.collector is not None:
        yield from _collector_lists(table)
    if table.objects is not None:
        objects = table.objects
        yield "objects, by type", _tallied_lines(objects.types, "objects", objects.further, limit)


def _collector_lists(table: MemoryTable) -> Iterator[tuple[str, Iterable[str]]]:
    collector = table.collector
    if collector is None:
        return
    rows = [["objects", "count", "threshold", "collections", "generation"]]
    rows += [
        [*map(format_number, (one.objects, one.count, one.threshold, one.collections)), str(number)]
        for number, one in enumerate(collector.generations)
    ]
    off = "" if collector.enabled else ", switched off"
    beside = f"{collector.frozen:,} frozen, {collector.garbage:,} in gc.garbage"
    yield f"garbage collector{off}: {beside}", aligned(rows, numbers=range(4))


def _mapped_lines(mapped: Sequence[Mapped], further: int, limit: int) -> Iterator[str]:
    rows = [["resident", "size", "number", ""]]
    rows += [
        [
            format_size(one.resident_bytes),
            format_size(one.size_bytes),
            format_number(one.number),
            printable(os.path.basename(one.name)),
        ]
        for one in mapped[:limit]
    ]
    yield from aligned(rows, numbers=range(3))
    yield from _more_line(len(mapped[limit:]) + further, limit)


def _tallied_lines(
    tallied: Sequence[Tallied], noun: str, further: int, limit: int
) -> Iterator[str]:
    rows = [["size", noun, ""]]
    rows += [
        [format_size(one.size_bytes), format_number(one.number), printable(one.name)]
        for one in tallied[:limit]
    ]
    yield from aligned(rows, numbers=range(2))
    yield from _more_line(len(tallied[limit:]) + further, limit)


def _more_line(more: int, limit: int) -> Iterator[str]:
    if more:
        yield f"... and {more:,} more (--limit={limit * 2} shows twice as many)"
