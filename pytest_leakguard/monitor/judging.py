"""What about a session ought not to go unnoticed? Pure: values in, trends and warnings out.

Slope and correlation are those of least squares and of Pearson, as ``statistics`` has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import StatisticsError, correlation, linear_regression
from typing import final

from pytest_leakguard.monitored import Curve, Growing, MonitorWarning, SessionTrend, Spread
from pytest_leakguard.units import format_number, format_size, plural

#: Share of a session's tests that may be warm-up: trends are those of the rest.
WARM_UP = 0.25
#: Samples that a trend takes, and tests that they have to span.
_LEAST_SAMPLES, _LEAST_TESTS = 8, 24
#: A correlation above this, with a positive slope, is steady growth.
STEADY = 0.9
#: Parts of what is looked at that each have to show growth.
_PARTS = 4
#: What else tests may leave behind, in words.
RESOURCES = {"fds": "file descriptor", "threads": "thread", "tasks": "asyncio task"}
#: What has to be gained in all before a resource's growth is told.
LEAST_GAINED = 8
#: Seconds that a session has to take before a rate per minute means anything.
LEAST_SECONDS = 60.0
#: Tests that are named in a warning.
_NAMED = 3


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is warned of.

    Attributes:
        rapid_bytes: Growth of the resident set per minute, in bytes.
        high_percent: Share of the memory that the process may use, in percent.
    """

    rapid_bytes: int = 100 * 2**20
    high_percent: float = 80.0


def trends_of(curve: Curve) -> tuple[SessionTrend, ...]:
    """Return how each counter developed after warm-up, where there are samples enough."""
    if not curve.tests:
        return ()
    beginning = curve.tests[-1] * WARM_UP
    found = []
    for name, samples in curve.series.items():
        rows = [
            (tests, seconds, value)
            for tests, seconds, value in zip(curve.tests, curve.seconds, samples, strict=True)
            if value is not None and tests >= beginning
        ]
        if trend := _trend(name, rows):
            found.append(trend)
    return tuple(found)


def _trend(name: str, rows: Sequence[tuple[int, float, int]]) -> SessionTrend | None:
    if len(rows) < _LEAST_SAMPLES or rows[-1][0] - rows[0][0] < _LEAST_TESTS:
        return None
    tests, seconds, values = zip(*rows, strict=True)
    try:
        per_test = linear_regression(tests, values).slope
        per_second = linear_regression(seconds, values).slope
    except StatisticsError:  # all at one moment
        return None
    try:
        correlated = correlation(tests, values)
    except StatisticsError:  # nothing moved
        correlated = 0.0
    return SessionTrend(
        counter=name,
        first=values[0],
        last=values[-1],
        per_test=round(per_test, 4),
        per_minute=round(per_second * 60, 2),
        correlation=round(correlated, 4),
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen of a session, as it is judged.

    Attributes:
        curve: Samples of the session.
        growing: Holders that went on growing.
        proven: Resources that grow again when a test is run again, with the test and with advice.
        spread: Memory that several of the tests keep that were run again without a suspicion.
        limit_bytes: What the process may use; 0 when unknown.
    """

    curve: Curve
    growing: tuple[Growing, ...] = ()
    proven: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    spread: tuple[Spread, ...] = ()
    limit_bytes: int = 0


def warnings_of(
    evidence: Evidence, trends: Iterable[SessionTrend], limits: Limits
) -> Iterator[MonitorWarning]:
    """Apply the three rules.

    Args:
        evidence: What was seen.
        trends: How the counters developed.
        limits: What is warned of.
    """
    curve = evidence.curve
    yield from _of_holders(evidence)
    yield from _of_counters(evidence, trends)
    yield from _of_memory(evidence)
    if warning := _rapid(curve, limits):
        yield warning
    peak, limit = curve.peaks.get("rss_bytes", 0), evidence.limit_bytes
    if limit and peak > limit * limits.high_percent / 100:
        yield MonitorWarning(
            kind="high use",
            text=f"resident set of {format_size(peak)} at its peak,"
            f" {peak * 100 / limit:.0f} % of {format_size(limit)}"
            f" (limit {format_number(limits.high_percent)} %)",
        )


def _of_holders(evidence: Evidence) -> Iterator[MonitorWarning]:
    """Tell of holders that grow again by a test that is run again: all others may only fill up."""
    for one in evidence.growing:
        if one.steady and one.confirmed and not one.bound:
            yield MonitorWarning(kind="steady growth", text=_of_holder(one), advice=one.advice)


def _of_counters(evidence: Evidence, trends: Iterable[SessionTrend]) -> Iterator[MonitorWarning]:
    for trend in trends:
        if trend.counter in evidence.proven and grows_steadily(evidence.curve, trend.counter):
            noun = RESOURCES[trend.counter]
            test, advice = evidence.proven[trend.counter]
            yield MonitorWarning(
                kind="steady growth",
                text=f"+{plural(trend.last - trend.first, noun)} after warm-up,"
                f" +{format_number(round(trend.per_test, 2))} per test"
                f" (correlation {trend.correlation:.2f}, limit {STEADY});"
                f" {test} leaves one again when it is run again",
                advice=advice,
            )


def _of_memory(evidence: Evidence) -> Iterator[MonitorWarning]:
    told = {one.holder for one in evidence.growing if one.steady and one.confirmed}
    for one in evidence.spread:
        if one.holder not in told:
            yield MonitorWarning(
                kind="steady growth",
                text=f"{one.type} is kept, held by {one.holder}: {len(one.names)} of"
                f" {plural(one.asked, 'test')} that were run again keep more each time:"
                f" {', '.join(one.names[:_NAMED])}",
                advice=one.advice,
            )


def _of_holder(one: Growing) -> str:
    named = ", ".join(one.names[:_NAMED])
    more = f" and {one.tests - _NAMED:,} more" if one.tests > _NAMED else ""
    again = f"; {one.confirmed} adds to it again when it is run again" if one.confirmed else ""
    return (
        f"{one.holder} ({one.type}) gained {plural(one.gained, 'item')},"
        f" +{format_number(one.per_test)} per test, in {one.tests:,} of {one.watched:,} tests"
        f" that were watched: {named}{more}{again}"
    )


def grows_steadily(curve: Curve, counter: str) -> bool:
    """Tell whether a counter grew steadily, and in each part of the session after warm-up."""
    trend = next((one for one in trends_of(curve) if one.counter == counter), None)
    if trend is None or trend.per_test <= 0 or trend.correlation <= STEADY:
        return False
    if trend.last - trend.first < LEAST_GAINED:
        return False
    beginning = curve.tests[-1] * WARM_UP
    samples = curve.series[trend.counter]
    values = [
        value
        for tests, value in zip(curve.tests, samples, strict=True)
        if value is not None and tests >= beginning
    ]
    return _rises_in_each_part(values)


def _rises_in_each_part(values: Sequence[int]) -> bool:
    """Tell whether the retained floor is higher at the end of each part than at its beginning."""
    floors = _floors(values)
    bounds = [floors[(len(floors) - 1) * part // _PARTS] for part in range(_PARTS + 1)]
    return all(earlier < later for earlier, later in pairwise(bounds))


def _floors(values: Sequence[int]) -> list[int]:
    """Return the retained floor: of each sample and all later ones the least."""
    floors = [*values]
    for position in range(len(floors) - 2, -1, -1):
        floors[position] = min(floors[position], floors[position + 1])
    return floors


def _rapid(curve: Curve, limits: Limits) -> MonitorWarning | None:
    """Hold the growth of the resident set in the later half of the session against the limit."""
    samples = curve.series.get("rss_bytes")
    if samples is None:
        return None
    known = [
        (seconds, value)
        for seconds, value in zip(curve.seconds, samples, strict=True)
        if value is not None
    ]
    if len(known) < _LEAST_SAMPLES or known[-1][0] < LEAST_SECONDS:
        return None
    later = [row for row in known if row[0] >= known[-1][0] / 2]
    if len(later) < _LEAST_SAMPLES:
        return None
    minutes = (later[-1][0] - later[0][0]) / 60
    grown = later[-1][1] - later[0][1]
    if minutes <= 0 or grown / minutes <= limits.rapid_bytes:
        return None
    if not _rises_in_each_part([value for _, value in later]):  # something large was loaded once
        return None
    return MonitorWarning(
        kind="rapid growth",
        text=f"the resident set grew by {format_size(grown / minutes)} per minute in the later half"
        f" of the session (limit {format_size(limits.rapid_bytes)} per minute)",
    )
