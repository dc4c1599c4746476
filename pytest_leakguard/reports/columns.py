"""How do rows of cells become lines of a table, in plain characters?"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]], *, numbers: Container[int]) -> Iterator[str]:
    """Write rows of cells as lines of a table.

    Args:
        rows: The rows, alike in length.
        numbers: Positions of the columns that end, not begin, at one place.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            f"{cell:>{width}}" if column in numbers else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
