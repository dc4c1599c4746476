"""How is a number that sessions have in common plotted in a terminal?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count, groupby
from math import ceil, floor, log

from pytest_leakguard.errors import MissingPackageError
from pytest_leakguard.history.listing import amount_text, session_text
from pytest_leakguard.history.series import Point

#: What the library needs beside the plot: the axis on the left, and the name of the one below.
_BESIDE = len("---------- |-") + len("|-> (session)")
_LEAST_WIDTH, _MOST_LINES = 20, 15
#: How far lines may lie apart, times a power of ten; sizes are told in powers of two.
_STEPS = (1, 2, 2.5, 5)
_BLANK, _DOTS = "\u2800", re.compile("[\u2801-\u28ff]")


def plot(points: Sequence[Point], measured: str, *, width: int, plain: bool) -> str:
    """Draw points over the numbers of sessions, with a line where none is missing in between.

    Args:
        points: The sessions in order, with their numbers; at least one has any.
        measured: What the numbers are: a counter, ``objects``, ``bytes`` or ``tests``.
        width: Columns that there are.
        plain: Whether the plot has to do with ASCII, and not with Braille.

    Raises:
        MissingPackageError: The library that draws is not installed.
    """
    try:
        import plotille
    except ImportError:
        raise MissingPackageError("history plot", "plotille", extra="history") from None
    known = [(session, value) for session, value in points if value is not None]
    first, last = known[0][0], known[-1][0]
    step, lowest, highest = _lines(
        [value for _, value in known], are_sizes=measured.endswith("bytes")
    )

    def session_between(low: float, high: float) -> str:
        """Name the first session at a mark of the axis, or between it and the next."""
        number = ceil(low)
        return str(number) if number < high and number <= last.id else ""

    figure = plotille.Figure()
    figure.with_colors = False
    figure.origin = False
    figure.width, figure.height = max(width - _BESIDE, _LEAST_WIDTH), highest - lowest
    figure.x_label, figure.y_label = "session", "tests" if measured == "tests" else "per run"
    figure.set_x_limits(min_=first.id - 0.5, max_=last.id + 0.5)
    figure.set_y_limits(min_=lowest * step, max_=highest * step)
    figure.x_ticks_fkt = session_between
    figure.y_ticks_fkt = lambda low, _: amount_text(measured, low)
    for is_known, stretch in groupby(points, key=lambda point: point[1] is not None):
        if is_known:
            places = [(session.id, value) for session, value in stretch]
            figure.plot(*zip(*places, strict=True), marker="o")
    drawn = str(figure.show()).replace(_BLANK, " ")
    if plain:
        drawn = _DOTS.sub(".", drawn)
    below = f"from session {session_text(first)} to {session_text(last)}"
    return "\n".join([*(line.rstrip() for line in drawn.splitlines()), below])


def _lines(values: Sequence[float], *, are_sizes: bool) -> tuple[float, int, int]:
    """Return how far the lines of a plot lie apart, and the lowest and the highest, counted from 0.

    The lowest is at or below all values, and the highest above them.
    """
    low, high = min(0, *values), max(0, *values)
    if low == high:
        high = 1
    base, factors = (2.0, (1,)) if are_sizes else (10.0, _STEPS)
    exponents = count(floor(log(high - low, base)) - 4)
    steps = (factor * base**exponent for exponent in exponents for factor in factors)
    for step in steps:
        lowest, highest = floor(low / step), floor(high / step) + 1
        if highest - lowest <= _MOST_LINES:
            return step, lowest, highest
    raise AssertionError  # they grow for ever
