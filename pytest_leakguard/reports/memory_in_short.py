"""The report for people on where memory is, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_leakguard.units import format_number, format_size, plural

if TYPE_CHECKING:
    from pytest_leakguard.memory_table import Arenas, MemoryTable, NativeHeap

#: Parts that a failure's page tells of.
_ON_PAGE = ("resident", "arenas", "native heap", "maps")
#: Resident bytes from which on a kind of mappings is told.
_LEAST_SHOWN = 2**20


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
            for one in sorted(table.maps, key=lambda one: one.name)
            if one.resident_bytes >= _LEAST_SHOWN
        )
        yield "maps", f"{format_size(size)} in {number:,}; resident {kinds or 'next to nothing'}"
    if table.collector is not None:
        counts = ", ".join(format_number(one.objects) for one in table.collector.generations)
        yield "gc", f"{counts} objects by generation; {table.collector.frozen:,} frozen"
    if table.traced is not None:
        peak = format_size(table.traced.peak_bytes)
        yield "traced", f"{format_size(table.traced.size_bytes)} in use; {peak} at most"


def _arenas_text(arenas: Arenas) -> str:
    return (
        f"{format_size(arenas.size_bytes)}: {format_size(arenas.in_use_bytes)} in"
        f" {plural(arenas.blocks, 'block')} in use; fragmentation {percent(arenas.fragmentation)}"
    )


def _native_text(native: NativeHeap) -> str:
    free = "" if native.free_bytes is None else f", {format_size(native.free_bytes)} free"
    mapped = format_size(native.mapped_bytes)
    return f"{format_size(native.in_use_bytes)} in use{free}; {mapped} mapped for large requests"


def _why(table: MemoryTable, name: str) -> str:
    return table.absent.get(name, "not measured")


def percent(share: float) -> str:
    """Write a share: ``12.5 %``."""
    return f"{share * 100:.1f} %"
