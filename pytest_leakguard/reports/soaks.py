"""What is said of a soak: its trend in words, a small curve, and a line at the session's end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from pytest_leakguard.evidence import Soak, Trend
from pytest_leakguard.model import Result
from pytest_leakguard.reports.chart import framed
from pytest_leakguard.units import format_number, format_slope, format_span, plural
from pytest_leakguard.verdict import retained_floors

if TYPE_CHECKING:
    from pytest_leakguard.reports.facts import SessionFacts

#: Columns and rows of a curve.
_WIDTH, _HEIGHT = 50, 5
_PASSING = frozenset({"clean", "bounded"})


def slope_text(trend: Trend) -> str:
    """Write a trend: ``+0.02 objects per run (95 % interval 0.018 to 0.022)``."""
    rate = f"{format_slope(trend.slope, trend.unit)} per run"
    if trend.low is None or trend.high is None:
        return f"{rate} (too few samples for an interval)"
    low, high = (_bare(end, trend.unit) for end in (trend.low, trend.high))
    return f"{rate} (95 % interval {low} to {high})"


def slopes_text(trends: Mapping[str, Trend]) -> str:
    """Write the trends of several counters."""
    return ", ".join(f"{name} {slope_text(trend)}" for name, trend in trends.items())


def _bare(rate: float, unit: str) -> str:
    """Write an end of an interval: without its unit, or with that of a size."""
    number, _, rest = format_slope(rate, unit, 3).removeprefix("+").partition(" ")
    return f"{number} {rest.split()[0]}" if unit.endswith("byte") else number


def length_text(soak: Soak) -> str:
    """Write how long a soak was: ``41,200 runs in 3 min 20 s of 10 min, 206/s``."""
    text = f"{plural(soak.runs, 'run')} in {format_span(soak.seconds)}"
    if soak.ended != "time":
        text += f" of {format_span(soak.duration)}"
    if soak.seconds >= 1:
        text += f", {format_number(round(soak.runs / soak.seconds))}/s"
    if soak.workers > 1:
        text += f", {soak.workers} workers"
    return text


def soak_lines(facts: SessionFacts, *, limit: int | None) -> Iterator[str]:
    """Say of each test that has passed its soak how long that was.

    Args:
        facts: The session.
        limit: How many; ``None`` for all.
    """
    soaked = [
        (outcome.nodeid, outcome.result, outcome.result.soak)
        for outcome in facts.judged
        if outcome.result.soak is not None and outcome.result.verdict in _PASSING
    ]
    for nodeid, result, soak in soaked[:limit]:
        trend = "bounded" if result.verdict == "bounded" else "flat"
        yield f"soak: {nodeid}: {length_text(soak)}: {trend}"
    if limit is not None and (more := len(soaked) - limit) > 0:
        yield f"soak: ... and {more} more (-v lists them)"


def page_lines(result: Result) -> Iterator[str]:
    """Write what a failing test's page says of its soak: its length, and the curve that grows."""
    soak = result.soak
    if soak is None:
        return
    yield f" soak       {length_text(soak)}"
    if not (name := _steepest(soak)):
        return
    trend = soak.trends[name]
    runs = tuple(accumulate(result.batches, initial=0))
    samples = result.series.get(name, ())
    if len(samples) == len(runs) > 2:
        yield f" curve      {name}: retained floor (*) and trend (.)"
        for line in curve(runs, retained_floors(samples), trend):
            yield f"{' ' * 12}{line}"


def _steepest(soak: Soak) -> str:
    """Name the counter whose curve is shown: the first that grows, or else that may."""
    rising = (name for name, trend in soak.trends.items() if (trend.low or 0) > 0)
    return next(iter(soak.growing), next(rising, ""))


def curve(runs: Sequence[int], floors: Sequence[float], trend: Trend) -> Iterator[str]:
    """Draw a retained floor over the runs: ``*`` is the floor, ``.`` the trend beside it.

    Args:
        runs: How many runs lay between the first sample and each; rising, from 0.
        floors: The retained floor after each, as many.
        trend: Drawn as a line that ends where the floor does.
    """
    low, high = floors[0], max(floors[-1], floors[0] + 1)
    columns = [_floor_at(runs, floors, runs[-1] * at / (_WIDTH - 1)) for at in range(_WIDTH)]
    lines = [
        floors[-1] - trend.slope * (runs[-1] - runs[-1] * at / (_WIDTH - 1)) for at in range(_WIDTH)
    ]

    def row_of(value: float) -> int:
        return round((value - low) / (high - low) * (_HEIGHT - 1))

    pictures = [
        "".join(
            "*" if row_of(floor) == row else "." if row_of(line) == row else " "
            for floor, line in zip(columns, lines, strict=True)
        )
        for row in reversed(range(_HEIGHT))
    ]
    top, foot = (format_slope(end, trend.unit) for end in (high - low, 0))
    drawn = list(framed(pictures, top=top, foot=foot))
    yield from drawn
    end = plural(runs[-1], "run")
    yield f"0{end:>{_WIDTH - 1}}".rjust(len(drawn[-1]))


def _floor_at(runs: Sequence[int], floors: Sequence[float], run: float) -> float:
    """Return the floor at the last sample that is not later than a run."""
    return next(
        floor for done, floor in zip(reversed(runs), reversed(floors), strict=True) if done <= run
    )
