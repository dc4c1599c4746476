"""The report for people on a session: the lines at its end."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from pytest_leakguard.model import SUBSCRIPT, Finding, Status
from pytest_leakguard.reports.causes import BY_CONCERN
from pytest_leakguard.reports.columns import aligned
from pytest_leakguard.reports.facts import SessionFacts
from pytest_leakguard.units import format_duration, format_number, format_size, plural

#: How causes stand to an earlier session's, those that are listed.
_SORTS = ("new", "worse", "better", "gone")
#: The table of findings: its columns, and how many of them are numbers.
_COLUMNS, _NUMBERS = ["tests", "objects", "bytes", "status", "fingerprint", "held by"], 3

_BESIDE_THREADS = "other threads run: what grows while no test does is left out"
#: How many of the longest checks are named, and from how many seconds on.
_SLOWEST, _SLOW_SECONDS = 3, 5.0


def summary_line(facts: SessionFacts) -> str:
    """Write the one line at the end.

    Empty when nothing was checked, unless the whole suite should have been and tests did run.
    """
    judged = facts.judged
    if not judged:
        ran = any(outcome.result.executions for outcome in facts.tests)
        if facts.mode != "all" or not ran:
            return ""
        return f"leak check: 0 checked, {len(facts.tests)} unchecked"
    verdicts = Counter(outcome.result.verdict for outcome in judged)
    left_out = (
        sum(outcome.result.verdict == "unchecked" for outcome in facts.tests)
        if facts.mode == "all"
        else verdicts["unchecked"]
    )
    leaking = verdicts["leak"] + verdicts["known"]
    parts = [
        f"{len(judged)} checked",
        f"{leaking} leaking ({verdicts['leak']} new, {verdicts['known']} known)",
        f"{verdicts['bounded']} bounded",
        f"{verdicts['inconclusive']} inconclusive",
        f"{left_out} unchecked",
        f"+{format_duration(facts.extra_seconds)}",
        f"{format_number(round(facts.executions / len(judged), 1))} executions per test",
    ]
    return f"leak check: {', '.join(parts)}"


@final
@dataclass(slots=True)
class _Row:
    """What one holder keeps, over all tests that see it."""

    holder: str
    tests: set[str] = field(default_factory=set)
    types: Counter[str] = field(default_factory=Counter)
    fingerprints: Counter[str] = field(default_factory=Counter)
    objects: float = 0
    size_bytes: float = 0
    status: Status = "known"

    def add(self, nodeid: str, finding: Finding) -> None:
        """Add what a test shows of it."""
        self.tests.add(nodeid)
        self.types[finding.type] += 1
        self.fingerprints[finding.fingerprint] += 1
        self.objects = max(self.objects, finding.objects_per_run)
        self.size_bytes = max(self.size_bytes, finding.bytes_per_run)
        self.status = min(self.status, finding.status or "new", key=BY_CONCERN.index)

    def cells(self) -> list[str]:
        """Return its columns."""
        objects = f"+{format_number(self.objects)}" if self.objects else ""
        weight = f"+{format_size(self.size_bytes)}" if self.size_bytes else ""
        return [
            str(len(self.tests)),
            objects,
            weight,
            self.status,
            _first_of(self.fingerprints),
            f"{self.holder} ({_first_of(self.types)})",
        ]


def _first_of(names: Counter[str]) -> str:
    (first, _), *others = names.most_common()
    return f"{first} and {len(others)} more" if others else first


def findings_table(facts: SessionFacts, *, limit: int | None) -> Iterator[str]:
    """List all causes by their holders, the worst first: one that many tests see is one row.

    Args:
        facts: The session.
        limit: How many rows; ``None`` for all.
    """
    rows: dict[str, _Row] = {}
    for outcome in facts.judged:
        if outcome.result.verdict in ("leak", "known"):
            for finding in outcome.result.findings:
                key = SUBSCRIPT.sub("[]", finding.holder)
                rows.setdefault(key, _Row(finding.holder)).add(outcome.nodeid, finding)
    if not rows:
        return
    ordered = sorted(
        rows.values(), key=lambda row: (BY_CONCERN.index(row.status), -len(row.tests), row.holder)
    )
    cells = [_COLUMNS, *(row.cells() for row in ordered[:limit])]
    yield from aligned(cells, numbers=range(_NUMBERS))
    if limit is not None and (more := len(ordered) - limit) > 0:
        yield f"... and {plural(more, 'more holder')} (-v lists them)"


def comparison_lines(facts: SessionFacts, *, limit: int | None) -> Iterator[str]:
    """Say how a session stands to an earlier one.

    Args:
        facts: The session.
        limit: Entries of each kind; ``None`` for all.
    """
    compared = facts.comparison
    if compared is None:
        return
    for kind in _SORTS:
        names = getattr(compared, kind)
        for name in names[:limit]:
            yield f"{kind}: {name}"
        if limit is not None and (more := len(names) - limit) > 0:
            yield f"{kind}: ... and {more} more (-v lists them)"
    counts = ", ".join(f"{len(getattr(compared, kind))} {kind}" for kind in (*_SORTS, "same"))
    yield f"compared with {compared.file}: {counts}"


def snapshot_lines(facts: SessionFacts, *, limit: int | None) -> Iterator[str]:
    """Say how to look at the snapshots of leaking tests, and why some have none.

    Args:
        facts: The session.
        limit: Entries of each kind; ``None`` for all.
    """
    saved = [outcome for outcome in facts.judged if outcome.result.snapshots]
    for outcome in saved[:limit]:
        files = " ".join(shlex.quote(file) for file in outcome.result.snapshots)
        yield f"snapshots: {outcome.nodeid}: python -m pytest_leakguard compare {files}"
    if limit is not None and (more := len(saved) - limit) > 0:
        yield f"snapshots: ... and {more} more (-v lists them)"
    reasons = Counter(outcome.result.no_snapshots for outcome in facts.judged)
    del reasons[""]
    for reason, count in reasons.most_common(limit):
        yield f"snapshots: none of {plural(count, 'test')}: {reason}"


def profile_lines(facts: SessionFacts, *, limit: int | None) -> Iterator[str]:
    """Say where the profiles of leaking tests are, and why some have none.

    Args:
        facts: The session.
        limit: Entries of each kind; ``None`` for all.
    """
    profiles = [
        (outcome.nodeid, outcome.result.profile)
        for outcome in facts.judged
        if outcome.result.profile is not None
    ]
    shown = [(nodeid, *profile.files.values()) for nodeid, profile in profiles if profile.files]
    for nodeid, first, *_ in shown[:limit]:
        yield f"profiles: {nodeid}: {first}"
    if limit is not None and (more := len(shown) - limit) > 0:
        yield f"profiles: ... and {more} more (-v lists them)"
    reasons = Counter(profile.problem for _, profile in profiles if not profile.files)
    for reason, count in reasons.most_common(limit):
        yield f"profiles: none of {plural(count, 'test')}: {reason}"


def _known_lines(facts: SessionFacts, limit: int | None) -> Iterator[str]:
    """Say why tests pass that leak, each reason once."""
    tests: dict[str, list[str]] = {}
    for outcome in facts.judged:
        if outcome.result.verdict == "known":
            tests.setdefault(outcome.result.reason, []).append(outcome.nodeid)
    for reason, (first, *others) in [*tests.items()][:limit]:
        which = f"{1 + len(others)} tests" if others else first
        yield f"known: {which}: {reason}"
    if limit is not None and (more := len(tests) - limit) > 0:
        yield f"known: ... and {more} more (-v lists them)"


def _ignored_lines(facts: SessionFacts) -> Iterator[str]:
    """List the exemptions with how often they were needed, and those that a whole suite did not."""
    findings: Counter[tuple[str, str]] = Counter()
    tests: Counter[tuple[str, str]] = Counter()
    for outcome in facts.judged:
        for one in outcome.result.ignored:
            findings[one.pattern, one.reason] += one.findings
            tests[one.pattern, one.reason] += bool(one.findings)
    for (pattern, reason), count in findings.items():
        if count:
            in_tests = plural(tests[pattern, reason], "test")
            yield f"ignored: {plural(count, 'finding')} in {in_tests} by {pattern!r}: {reason}"
        elif facts.whole:
            yield f"ignored: nothing by {pattern!r} ({reason}): it is not needed any more"


def _slowest_lines(facts: SessionFacts) -> Iterator[str]:
    """Name the tests that took longest to check, where that is worth a thought."""
    slow = [test for test in facts.judged if test.result.seconds >= _SLOW_SECONDS]
    slow.sort(key=lambda test: -test.result.seconds)
    if slow:
        named = (
            f"{test.nodeid} {format_duration(test.result.seconds)}" for test in slow[:_SLOWEST]
        )
        yield f"longest checks: {', '.join(named)}"


def summary_lists(facts: SessionFacts, *, limit: int | None) -> Iterator[str]:
    """List what was not decided, each with its reason.

    Args:
        facts: The session.
        limit: Entries of each kind; ``None`` for all.
    """
    if facts.self_check.reason:
        follows = "nothing was judged" if facts.self_check.prevents else _BESIDE_THREADS
        yield f"self-check: {facts.self_check.reason}; {follows}"
    for verdict in ("inconclusive", "bounded"):
        entries = [outcome for outcome in facts.judged if outcome.result.verdict == verdict]
        for outcome in entries[:limit]:
            yield f"{verdict}: {outcome.nodeid}: {outcome.result.reason}"
        if limit is not None and (more := len(entries) - limit) > 0:
            yield f"{verdict}: ... and {more} more (-v lists them)"
    yield from _known_lines(facts, limit)
    victims = [outcome for outcome in facts.judged if outcome.result.only_after]
    for outcome in victims[:limit]:
        yield f"not alone: {outcome.nodeid}: {outcome.result.reason}"
    if limit is not None and (more := len(victims) - limit) > 0:
        yield f"not alone: ... and {more} more (-v lists them)"
    yield from _ignored_lines(facts)
    shared = Counter(outcome.result.not_isolated for outcome in facts.judged)
    del shared[""]
    for reason, count in shared.most_common(limit):
        yield f"not isolated: {plural(count, 'test')}: {reason}"
    yield from _slowest_lines(facts)
    if facts.mode == "all":
        reasons = Counter(
            outcome.result.reason
            for outcome in facts.tests
            if outcome.result.verdict == "unchecked"
        )
        for reason, count in reasons.most_common(limit):
            yield f"unchecked: {plural(count, 'test')}: {reason}"
