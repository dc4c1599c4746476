"""Which numbers of a session does a monitoring system keep?

Causes and leaking tests are labelled one by one, sound tests only counted: what a system keeps
grows with what leaks, not with the suite.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import final

from pytest_leakguard.escaping import unbroken
from pytest_leakguard.model import VERDICTS
from pytest_leakguard.monitored import WARNING_KINDS
from pytest_leakguard.reports.causes import BY_CONCERN, causes_of
from pytest_leakguard.reports.facts import SessionFacts

#: Causes, and likewise leaking tests, that are labelled one by one.
MOST_LABELLED = 200
#: Characters of a label's value.
_LONGEST = 200
_IN_BYTES = "_bytes"

Labels = Mapping[str, str]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of a session, or the same of several things.

    Attributes:
        name: Its name, without a unit.
        meaning: What it is, in a sentence.
        unit: The base unit; empty for plain numbers.
        samples: Values with the labels of what they are of; all have the same labels.
    """

    name: str
    meaning: str
    unit: str = ""
    samples: tuple[tuple[Labels, float], ...]

    @property
    def full_name(self) -> str:
        """Its name with the unit, as Prometheus has it."""
        return f"{self.name}_{self.unit}" if self.unit else self.name


def session_labels(facts: SessionFacts) -> Labels:
    """Return what a session ran on."""
    about = {
        "mode": facts.mode,
        "python": facts.python,
        "pytest": facts.pytest,
        "platform": facts.platform,
    }
    return {name: _label(value) for name, value in about.items()}


def metrics_of(facts: SessionFacts, root: Path) -> Iterator[Metric]:
    """Return the numbers of a session; those that have no sample are left out.

    Args:
        facts: The session.
        root: Directory that file names are given relative to.
    """
    parts = (
        _of_session(facts),
        _of_memory(facts),
        _of_monitor(facts),
        _of_causes(facts, root),
        _of_tests(facts),
    )
    for metric in chain(*parts):
        if metric.samples:
            yield metric


def _of_session(facts: SessionFacts) -> Iterator[Metric]:
    verdicts = Counter(outcome.result.verdict for outcome in facts.tests)
    yield Metric(
        name="leakguard_tests",
        meaning="Collected tests by verdict.",
        samples=tuple(({"verdict": name}, verdicts[name]) for name in VERDICTS),
    )
    yield Metric(
        name="leakguard_executions",
        meaning="How often judged tests ran in all.",
        samples=(({}, facts.executions),),
    )
    yield Metric(
        name="leakguard_extra",
        meaning="Time spent on re-runs.",
        unit="seconds",
        samples=(({}, round(facts.extra_seconds, 3)),),
    )
    yield Metric(
        name="leakguard_self_check_flat",
        meaning="1 if an empty test left nothing behind, so that tests could be judged; else 0.",
        samples=(({}, float(not facts.self_check.prevents)),),
    )


def _of_memory(facts: SessionFacts) -> Iterator[Metric]:
    """Yield what is known of where the memory is; what is not known has no sample."""
    if (memory := facts.memory) is None:
        return
    arenas, native = memory.arenas, memory.native
    known = {
        "rss": ("Physical memory of the process that ran tests.", memory.rss_bytes),
        "uss": ("Part of it that no other process shares.", memory.uss_bytes),
        "arenas": (
            "Python's arenas, for blocks of up to 512 bytes.",
            None if arenas is None else arenas.size_bytes,
        ),
        "arenas_in_use": (
            "Part of them in blocks that are in use.",
            None if arenas is None else arenas.in_use_bytes,
        ),
        "native_in_use": (
            "The C library's heap in use, what it mapped for large requests included.",
            None if native is None else native.in_use_bytes + native.mapped_bytes,
        ),
    }
    for name, (meaning, size) in known.items():
        if size is not None:
            yield Metric(
                name=f"leakguard_memory_{name}",
                meaning=meaning,
                unit="bytes",
                samples=(({}, size),),
            )


def _of_causes(facts: SessionFacts, root: Path) -> Iterator[Metric]:
    causes = causes_of(facts, root)
    statuses = Counter(cause.status for cause in causes)
    yield Metric(
        name="leakguard_causes",
        meaning="Causes of leaks by how they stand to the known ones.",
        samples=tuple(({"status": name}, statuses[name]) for name in BY_CONCERN),
    )
    labelled = []
    for cause in causes[:MOST_LABELLED]:
        finding = cause.finding
        labels = {
            "fingerprint": cause.fingerprint,
            "type": finding.type if finding is not None else "",
            "holder": finding.holder if finding is not None else cause.tests[0],
            "pattern": cause.pattern,
            "status": cause.status,
        }
        labelled.append(({name: _label(text) for name, text in labels.items()}, cause))
    yield Metric(
        name="leakguard_cause_tests",
        meaning="Tests that show a cause.",
        samples=tuple((labels, len(cause.tests)) for labels, cause in labelled),
    )
    explained = [(labels, cause.finding) for labels, cause in labelled if cause.finding is not None]
    yield Metric(
        name="leakguard_cause_growth_objects",
        meaning="Objects that one run leaves behind by a cause.",
        samples=tuple((labels, finding.objects_per_run) for labels, finding in explained),
    )
    yield Metric(
        name="leakguard_cause_growth",
        meaning="What these weigh with all that only they keep, for one run.",
        unit="bytes",
        samples=tuple((labels, finding.bytes_per_run) for labels, finding in explained),
    )


def _of_tests(facts: SessionFacts) -> Iterator[Metric]:
    leaking = [one for one in facts.judged if one.result.verdict in {"leak", "known"}]
    numbers: list[tuple[Labels, float]] = []
    sizes: list[tuple[Labels, float]] = []
    for outcome in leaking[:MOST_LABELLED]:
        for counter, grown in outcome.result.growth.items():
            if grown:
                in_bytes = counter.endswith(_IN_BYTES)
                labels = {"test": _label(outcome.nodeid), "counter": counter}
                (sizes if in_bytes else numbers).append((labels, grown))
    yield Metric(
        name="leakguard_test_growth",
        meaning="What one run of a leaking test leaves behind, by counter.",
        samples=tuple(numbers),
    )
    yield Metric(
        name="leakguard_test_growth",
        meaning="Memory that one run of a leaking test leaves behind, by counter.",
        unit="bytes",
        samples=tuple(sizes),
    )


def _of_monitor(facts: SessionFacts) -> Iterator[Metric]:
    """Tell how each process went over the session, without a label for each test."""
    processes = [({"process": one.process or "main"}, one) for one in facts.monitored]
    yield Metric(
        name="leakguard_monitor_warnings",
        meaning="What the monitor of a session has warned of, by kind.",
        samples=tuple(
            ({**labels, "kind": kind}, sum(warning.kind == kind for warning in one.warnings))
            for labels, one in processes
            for kind in WARNING_KINDS
        ),
    )
    yield Metric(
        name="leakguard_monitor_gc_pause",
        meaning="How long a process stood still for its garbage collector.",
        unit="seconds",
        samples=tuple((labels, one.collections.pause_seconds) for labels, one in processes),
    )
    for unit, name in (("bytes", "memory"), ("", "objects")):
        yield Metric(
            name=f"leakguard_monitor_{name}_peak",
            meaning="The highest sample of a counter over a session.",
            unit=unit,
            samples=tuple(
                ({**labels, "counter": counter}, peak)
                for labels, one in processes
                for counter, peak in one.curve.peaks.items()
                if counter.endswith(_IN_BYTES) == bool(unit)
            ),
        )


def _label(text: str) -> str:
    """Return a text that any system takes: Unicode, and not too long, but still its own."""
    whole = unbroken(text)
    if len(whole) <= _LONGEST:
        return whole
    ending = f"...{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    return whole[: _LONGEST - len(ending)] + ending
