"""The report for people on what a session's monitor has seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_leakguard.monitored import Collections, Growing, Monitored, Retained, SessionTrend
from pytest_leakguard.reports.chart import chart_lines
from pytest_leakguard.reports.columns import aligned
from pytest_leakguard.units import format_duration, format_number, format_size, plural

_TREND_COLUMNS = ["counter", "after warm-up", "at last", "per test", "per minute", "correlation"]
_HOLDER_COLUMNS = ["gained", "per test", "tests", "held by"]
_RETAINED_COLUMNS = ["items", "blocks", "native", "fds", "threads"]
_NAMED = 3


def monitor_lines(monitored: Monitored, *, limit: int | None) -> Iterator[str]:
    """Write how a process developed over a session.

    Args:
        monitored: The process.
        limit: Rows of each table; ``None`` for all.
    """
    if monitored.process:
        yield f"worker {monitored.process}"
    yield from _memory(monitored)
    yield from _trends(monitored.trends)
    yield from _holders(monitored.growing, limit)
    for title, rows in (
        ("tests", monitored.retaining),
        ("files", monitored.retaining_files),
    ):
        yield from _retained(title, rows, limit)
    yield from _collections(monitored.collections, limit)
    yield from monitored.notes
    for warning in monitored.warnings:
        yield f"{warning.kind}: {warning.text}"
        if warning.advice:
            yield f"  {warning.advice}"
    share = monitored.cost_seconds / monitored.seconds if monitored.seconds else 0
    yield (
        f"leak monitor: {plural(monitored.tests, 'test')}, {monitored.measured:,} measured one by"
        f" one, {plural(len(monitored.warnings), 'warning')}; took"
        f" {format_duration(monitored.cost_seconds)} ({share * 100:.1f} % of the time)"
        f"{_reruns(monitored)}"
    )


def _reruns(monitored: Monitored) -> str:
    if not monitored.reruns:
        return ""
    seconds = format_duration(monitored.rerun_seconds)
    return f", {seconds} more for running {plural(monitored.reruns, 'test')} again"


def _memory(monitored: Monitored) -> Iterator[str]:
    curve = monitored.curve
    samples = [sample for sample in curve.series.get("rss_bytes", ()) if sample is not None]
    if not samples:
        return
    peak, after = curve.peaks["rss_bytes"], curve.peak_tests["rss_bytes"]
    when = f" after {after}" if after else ""
    yield (
        f"resident set: {format_size(samples[0])} before the first test,"
        f" {format_size(samples[-1])} after the last, {format_size(peak)} at its peak{when}"
    )
    yield from chart_lines(curve.seconds, curve.series["rss_bytes"], label=format_size)


def _value(counter: str, value: float) -> str:
    return format_size(value) if counter.endswith("_bytes") else format_number(round(value, 2))


def _signed(counter: str, value: float) -> str:
    text = _value(counter, value)
    return f"+{text}" if value > 0 else text


def _trends(trends: Sequence[SessionTrend]) -> Iterator[str]:
    if not trends:
        return
    rows = [
        [
            trend.counter,
            _value(trend.counter, trend.first),
            _value(trend.counter, trend.last),
            _signed(trend.counter, trend.per_test),
            _signed(trend.counter, trend.per_minute),
            f"{trend.correlation:.2f}",
        ]
        for trend in trends
    ]
    yield from aligned([_TREND_COLUMNS, *rows], numbers=range(1, len(_TREND_COLUMNS)))


def _holders(growing: Sequence[Growing], limit: int | None) -> Iterator[str]:
    shown = [one for one in growing if one.tests][:limit]
    if not shown:
        return
    yield "holders that went on growing:"
    rows = [
        [
            f"+{one.gained:,}",
            f"+{format_number(one.per_test)}",
            f"{one.tests:,} of {one.watched:,}",
            f"{one.holder} ({one.type}){_remark(one)}",
        ]
        for one in shown
    ]
    yield from aligned([_HOLDER_COLUMNS, *rows], numbers=range(3))


def _remark(one: Growing) -> str:
    if one.bound:
        return f": bounded, {one.bound}"
    if one.acquitted:
        return f": {one.acquitted}"
    return "" if one.steady else ": not steadily"


def _retained(title: str, rows: Sequence[Retained], limit: int | None) -> Iterator[str]:
    if not rows:
        return
    yield f"{title} that retained most:"
    cells = [
        [
            _gain(one.items),
            _gain(one.blocks),
            f"+{format_size(one.native_bytes)}" if one.native_bytes > 0 else "",
            _gain(one.fds),
            _gain(one.threads),
            one.name if one.tests == 1 else f"{one.name} ({plural(one.tests, 'test')})",
        ]
        for one in rows[:limit]
    ]
    numbers = range(len(_RETAINED_COLUMNS))
    yield from aligned([[*_RETAINED_COLUMNS, title.removesuffix("s")], *cells], numbers=numbers)


def _gain(number: int) -> str:
    return f"+{number:,}" if number > 0 else ""


def _collections(found: Collections, limit: int | None) -> Iterator[str]:
    if not found.runs:
        return
    runs = ", ".join(f"{runs:,}" for runs in found.runs)
    line = (
        f"garbage collector: {runs} collections by generation, {plural(found.collected, 'object')}"
        f" freed, {format_duration(found.pause_seconds)} of pauses"
    )
    if found.longest_seconds:
        within = f" in {found.longest_test}" if found.longest_test else " between tests"
        line += f", the longest {format_duration(found.longest_seconds)}{within}"
    yield line
    if found.uncollectable or found.in_garbage:
        names = ", ".join(f"{test} ({number:,})" for test, number in found.garbage_tests[:_NAMED])
        after = f": {names}" if names else ""
        yield (
            f"{plural(found.uncollectable, 'object')} could not be freed,"
            f" {found.in_garbage:,} in gc.garbage{after}"
        )
    for text, times in found.raising[:limit]:
        yield f"a finaliser raised ({plural(times, 'time')}): {text}"
