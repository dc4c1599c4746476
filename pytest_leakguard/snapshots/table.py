"""How is a comparison of two snapshots written, for people?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from pytest_leakguard.escaping import printable
from pytest_leakguard.snapshots.comparing import Comparison, Difference, Place, shortened
from pytest_leakguard.snapshots.model import Header
from pytest_leakguard.units import format_number, format_size, plural

#: How to have traces, for a session that was started without.
UNTRACED = "start Python with -X tracemalloc=10 or PYTHONTRACEMALLOC=10"
_KINDS = {"before": "before the runs", "after": "after the runs", "moment": "at a moment"}
_TITLES = {
    "line": "by allocating line",
    "file": "by allocating file",
    "package": "by package",
    "type": "by type",
    "traceback": "by traceback, innermost line first",
}


def heading(paths: tuple[Path, Path], headers: tuple[Header, Header], runs: int) -> Iterator[str]:
    """Say what is compared, and what about it may mislead.

    Args:
        paths: The files.
        headers: Where they come from.
        runs: Runs of a test between them; 0 if they are no pair.
    """
    first, second = headers
    for mark, path, header in zip("AB", paths, headers, strict=True):
        yield f"{mark}  {printable(str(path))}"
        yield f"   {_origin(header)}"
    if runs:
        prints = f"; fingerprint {', '.join(first.fingerprints)}" if first.fingerprints else ""
        yield f"{plural(runs, 'run')} of {printable(first.test)} between them{printable(prints)}"
    elif first.pair and first.pair == second.pair and first.kind == "after":
        yield "note: A was taken after B; name them the other way round for the growth per run"
    elif first.pid != second.pid:
        yield "note: they are of two processes, so that part of the difference may be between those"
    if first.python != second.python:
        yield f"note: Python {printable(first.python)} and {printable(second.python)} differ"
    if first.scope != second.scope:
        yield f"note: types of A are of {_scope(first)}, those of B of {_scope(second)}"
    yield from _figures(first, second)


def _origin(header: Header) -> str:
    when = datetime.fromtimestamp(header.time, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    parts = [f"{when} UTC", _KINDS[header.kind], f"Python {header.python}", f"pid {header.pid}"]
    if header.worker:
        parts.append(f"worker {header.worker}")
    if header.test and not header.runs:
        parts.append(f"in {header.test}")
    traced = f"{plural(header.frame_limit, 'frame')} traced" if header.frame_limit else "no traces"
    return printable(", ".join([*parts, traced]))


def _scope(header: Header) -> str:
    scopes = {
        "all": "the whole heap",
        "new": "what is new since tracing began",
        "not frozen": "the heap without what gc.freeze() has set aside",
    }
    return scopes[header.scope]


def _figures(first: Header, second: Header) -> Iterator[str]:
    for name, value in second.figures.items():
        if name in first.figures:
            size = name.endswith("_bytes")
            show = format_size if size else format_number
            more = value - first.figures[name]
            change = f" ({_signed(more, show)})" if more else ""
            yield f"   {printable(name):<18} {show(value)}{change}"


def _signed(value: float, show: Callable[[float], str]) -> str:
    return f"{'-' if value < 0 else '+'}{show(abs(value))}"


def table(comparison: Comparison, header: Header, *, runs: int) -> Iterator[str]:
    """Write the differences as lines, the largest first.

    Args:
        comparison: What is different.
        header: That of the second snapshot, for its directories.
        runs: Runs of a test between the snapshots; 0 if they are no pair.
    """
    noun = "objects" if comparison.by == "type" else "blocks"
    yield (
        f"{_TITLES[comparison.by]}: {_signed(comparison.size_more, format_size)} in all,"
        f" {_signed(comparison.count_more, format_number)} {noun}"
    )
    rows = [["size", "total", noun, "total", *(["size/run", f"{noun}/run"] if runs else []), ""]]
    further: list[list[str]] = [[]]
    for one in comparison.shown:
        first, *rest = _what(one, header)
        rows.append([*_cells(one, runs), first])
        further.append(rest)
    if not comparison.shown:
        yield "  no difference"
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    margin = " " * (sum(widths) + 2 * len(widths) + 2)
    for row, rest in zip(rows, further, strict=True):
        numbers = [f"{cell:>{width}}" for cell, width in zip(row, widths, strict=False)]
        yield "  " + "  ".join([*numbers, row[-1]]).rstrip()
        for line in rest:
            yield margin + line
    if comparison.more:
        shown = len(comparison.shown)
        yield f"  ... and {comparison.more:,} more (--limit={shown * 2} shows twice as many)"


def _cells(one: Difference, runs: int) -> list[str]:
    cells = [
        _signed(one.size_more, format_size),
        format_size(one.size),
        _signed(one.count_more, format_number),
        format_number(one.count),
    ]
    if runs:
        cells += [
            _signed(one.size_more / runs, format_size),
            _signed(one.count_more / runs, format_number),
        ]
    return cells


def _what(one: Difference, header: Header) -> list[str]:
    if isinstance(one.what, str):
        return [printable(shortened(one.what, header)) or "(no name)"]
    return [_place(place, header) for place in one.what]


def _place(place: Place, header: Header) -> str:
    file, line = place
    return printable(f"{shortened(file, header)}:{line}")
