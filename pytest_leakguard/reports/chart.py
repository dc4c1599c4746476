"""How does a series look in a terminal? Plain characters, a column for each stretch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

_WIDTH, _HEIGHT = 60, 6


def chart_lines(
    places: Sequence[float],
    values: Sequence[float | None],
    *,
    label: Callable[[float], str],
    width: int = _WIDTH,
    height: int = _HEIGHT,
) -> Iterator[str]:
    """Draw a series; nothing if there are less than two values.

    Args:
        places: Where each value stands from left to right; they ascend.
        values: The values; ``None`` where there is none.
        label: Writes a value at the axis.
        width: Columns of the picture.
        height: Rows of it; at least 2.
    """
    known = [(x, y) for x, y in zip(places, values, strict=True) if y is not None]
    if len(known) < 2 or known[0][0] == known[-1][0]:
        return
    left, right = known[0][0], known[-1][0]
    low, high = min(y for _, y in known), max(y for _, y in known)
    columns: list[float | None] = [None] * width
    for x, y in known:
        column = min(int((x - left) / (right - left) * width), width - 1)
        former = columns[column]
        columns[column] = y if former is None else max(former, y)
    rows = [_row_of(value, low, high, height) for value in _without_gaps(columns)]
    pictures = [
        "".join("*" if row == level else " " for row in rows) for level in reversed(range(height))
    ]
    yield from framed(pictures, top=label(high), foot=label(low))


def framed(pictures: Sequence[str], *, top: str, foot: str) -> Iterator[str]:
    """Put axes to a picture.

    Args:
        pictures: Its rows from above, alike in length; at least 2.
        top: What stands at the upper end of the vertical axis.
        foot: What stands at the lower end.
    """
    labels = [top, *[""] * (len(pictures) - 2), foot]
    margin = max(map(len, labels))
    for text, picture in zip(labels, pictures, strict=True):
        yield f"{text:>{margin}} |{picture.rstrip()}"
    yield f"{'':>{margin}} +{'-' * len(pictures[0])}"


def _without_gaps(columns: Sequence[float | None]) -> Iterator[float]:
    """Give each column a value: its own or that of the one before."""
    latest = next(value for value in columns if value is not None)
    for value in columns:
        latest = latest if value is None else value
        yield latest


def _row_of(value: float, low: float, high: float, height: int) -> int:
    return round((value - low) / (high - low) * (height - 1)) if high > low else 0
