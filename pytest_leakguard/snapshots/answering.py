"""What is said of two files of snapshots?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_leakguard.snapshots.comparing import By, Order, compare, runs_between
from pytest_leakguard.snapshots.reading import read
from pytest_leakguard.snapshots.table import UNTRACED, heading, table

#: What is shown unless something is asked for.
DEFAULT: tuple[By, ...] = ("line", "type")


def answer(
    first: Path, second: Path, bys: Sequence[By], limit: int, order: Order
) -> Iterator[tuple[str, bool]]:
    """Read two snapshots, and yield the lines that tell what is different.

    Args:
        first: The earlier one's file.
        second: The later one's file.
        bys: What it is told by, one table for each.
        limit: Rows of each table, at most.
        order: What is largest.

    Yields:
        A line, and whether it belongs to a difference.

    Raises:
        UnusableSnapshotError: A file cannot be read.
    """
    a, b = read(first), read(second)
    runs = runs_between(a.header, b.header)
    for line in heading((first, second), (a.header, b.header), runs):
        yield line, False
    untraced = [mark for mark, one in (("A", a), ("B", b)) if not one.header.frame_limit]
    for by in bys:
        yield "", False
        if untraced and by != "type":
            named = " and ".join(untraced)
            yield f"by {by}: no traces in {named}; to have them, {UNTRACED}", False
            continue
        compared = compare(a, b, by, limit=limit, order=order)
        for line in table(compared, b.header, runs=runs):
            yield line, bool(compared.shown)
