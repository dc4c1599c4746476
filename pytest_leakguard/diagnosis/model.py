"""What does a diagnosis come to? A frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_leakguard.evidence import TracedRun
from pytest_leakguard.model import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The causes found, and what the traced runs showed beside them.

    Attributes:
        findings: Causes, the heaviest first.
        traced_bytes_per_run: Growth of traced memory; ``None`` when the test stops tracing.
        background: Holders that also grow while the test does not run, by their names.
        not_looked: Why no holder was looked for, in words; empty if they were.
        timeline: What each traced run did; empty when the test stops tracing.
        searched: How long one was looked for, in words; empty if not at all.
    """

    findings: tuple[Finding, ...]
    traced_bytes_per_run: float | None
    background: tuple[str, ...] = ()
    not_looked: str = ""
    timeline: tuple[TracedRun, ...] = ()
    searched: str = ""
