"""How does a counter's growth over the runs look? SVG by leather, styled by the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, final

import leather

from pytest_leakguard.model import Result
from pytest_leakguard.monitored import Monitored
from pytest_leakguard.settings import COUNTER_NAMES
from pytest_leakguard.units import format_number, format_size, plural

_WIDTH, _HEIGHT = 420, 190
_TICKS = 5
#: Decimals of a coordinate beyond what a screen shows.
_NEEDLESS = re.compile(r"(\.\d)\d+")
_SIZE = re.compile(rf'width="{_WIDTH}" height="{_HEIGHT}"')


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """How one counter has grown.

    Attributes:
        counter: Its name.
        text: The same in words.
        svg: The picture.
    """

    counter: str
    text: str
    svg: str


def charts_of(result: Result) -> Iterator[Chart]:
    """Draw each counter that has moved, in the order of their names everywhere.

    Args:
        result: The verdict whose samples are drawn.
    """
    for counter in COUNTER_NAMES:
        samples = result.series.get(counter, ())
        if len(set(samples)) > 1:
            runs = _runs(result.batches, len(samples))
            grown = tuple(sample - samples[0] for sample in samples)
            text = _in_words(counter, result.growth.get(counter), runs[-1], grown[-1])
            yield Chart(counter=counter, text=text, svg=_draw(runs, grown, counter))


def charts_of_session(monitored: Monitored) -> Iterator[Chart]:
    """Draw how each counter went over a session, where it moved.

    Args:
        monitored: The process that was watched.
    """
    for counter, samples in monitored.curve.series.items():
        known = [
            (tests, sample)
            for tests, sample in zip(monitored.curve.tests, samples, strict=True)
            if sample is not None
        ]
        if known and known[-1][0] > known[0][0] and len({sample for _, sample in known}) > 1:
            in_bytes = counter.endswith("_bytes")
            low, high = (pick(sample for _, sample in known) for pick in (min, max))
            write = format_size if in_bytes else format_number
            text = f"{write(low)} to {write(high)} over {plural(known[-1][0], 'test')}"
            tests, values = zip(*known, strict=True)
            svg = _draw(tests, values, counter, "tests")
            yield Chart(counter=counter, text=text, svg=svg)


def timeline_charts_of(result: Result) -> Iterator[Chart]:
    """Draw what each traced run did, if more than its warm-up is known.

    Args:
        result: The verdict whose traced runs are drawn.
    """
    timeline = result.timeline
    if len(timeline) <= 1:
        return
    first, last = 1, len(timeline)
    in_use = tuple(accumulate((run.kept_bytes for run in timeline), initial=0))
    peaks = tuple(before + run.peak_bytes for before, run in zip(in_use, timeline, strict=False))
    grown = in_use[-1]
    yield Chart(
        counter="memory",
        text=(
            f"{_signed(grown)} in use after traced run {last}; the upper line is the peak during"
            " each run, the lower one what is in use after it"
        ),
        svg=_draw_timeline(in_use, peaks),
    )
    alive = tuple(run.alive_objects for run in timeline)
    yield Chart(
        counter="objects",
        text=(
            f"{plural(sum(alive), 'object')} of traced runs {first} to {last} alive after the last,"
            " by the run that made them"
        ),
        svg=_draw_alive(alive),
    )


def _signed(size_bytes: int) -> str:
    return f"{'-' if size_bytes < 0 else '+'}{format_size(abs(size_bytes))}"


def _runs(batches: Sequence[int], samples: int) -> tuple[int, ...]:
    """Return how many runs lay between the first sample and each."""
    if len(batches) == samples - 1:
        return (0, *accumulate(batches))
    return tuple(range(samples))


def _in_words(counter: str, per_run: float | None, runs: int, grown: int) -> str:
    in_bytes = counter.endswith("_bytes")
    sign = "-" if grown < 0 else "+"
    amount = format_size(abs(grown)) if in_bytes else format_number(abs(grown))
    text = f"{sign}{amount} over {plural(runs, 'run')}"
    if per_run is not None and per_run > 0:
        rate = format_size(per_run) if in_bytes else format_number(per_run)
        text += f", +{rate} per run"
    return text


@lru_cache(maxsize=1024)  # tests that show the same cause grow alike
def _draw(runs: tuple[int, ...], grown: tuple[int, ...], counter: str, along: str = "runs") -> str:
    points = list(zip(runs, grown, strict=True))
    chart = leather.Chart()
    chart.add_line(points)
    chart.add_x_scale(0, runs[-1])
    step = max(1, round(runs[-1] / _TICKS))
    chart.add_x_axis(ticks=list(range(0, runs[-1] + 1, step)), name=along)
    if counter.endswith("_bytes"):
        chart.add_y_axis(tick_formatter=_size_of_tick)
    return _svg(chart)


@lru_cache(maxsize=1024)
def _draw_timeline(in_use: tuple[int, ...], peaks: tuple[int, ...]) -> str:
    last = len(peaks)
    chart = leather.Chart()
    chart.add_line(list(enumerate(in_use)))
    chart.add_line(list(enumerate(peaks, start=1)))
    chart.add_x_scale(0, last)
    step = max(1, round(last / _TICKS))
    chart.add_x_axis(ticks=list(range(0, last + 1, step)), name="traced runs")
    chart.add_y_axis(tick_formatter=_size_of_tick)
    return _svg(chart)


@lru_cache(maxsize=1024)
def _draw_alive(alive: tuple[int, ...]) -> str:
    last = len(alive)
    chart = leather.Chart()
    chart.add_columns([(str(run), number) for run, number in enumerate(alive, start=1)])
    step = max(1, round(last / _TICKS))
    chart.add_x_axis(ticks=[str(run) for run in range(1, last + 1, step)], name="made in run")
    chart.add_y_scale(0, max(*alive, 1))
    return _svg(chart)


def _svg(chart: Any) -> str:  # leather has no types
    svg = _NEEDLESS.sub(r"\1", chart.to_svg(width=_WIDTH, height=_HEIGHT))
    # As wide as there is room for.
    return _SIZE.sub(rf'viewBox="0 0 {_WIDTH} {_HEIGHT}"', svg, count=1)


def _size_of_tick(value: object, *_: object) -> str:
    size = int(str(value).partition(".")[0])
    return f"-{format_size(-size)}" if size < 0 else format_size(size)
