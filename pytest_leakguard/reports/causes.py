"""Which causes does a session show, each once, with the tests that show it and its place?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pytest_leakguard.model import Finding, Frame, Result, Status
from pytest_leakguard.reports.facts import SessionFacts
from pytest_leakguard.reports.json import relative
from pytest_leakguard.reports.text import growth_text
from pytest_leakguard.units import format_rates

#: The most pressing first.
BY_CONCERN: tuple[Status, ...] = ("new", "worse", "expired", "known")
_LEAKING = ("leak", "known")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause.

    Attributes:
        finding: As the test shows it in which it grows most; ``None`` if nothing more is known
            than that a test leaks.
        fingerprint: Eight hex digits; the finding's, or made of the test's name.
        status: How it stands to the known leaks.
        status_reason: Why it is known, or no longer tolerated.
        sentence: What grows, how fast, and who holds it.
        file: Where to look: the first line of the allocation, or of the growth, that lies below
            the root directory, relative to it; the test's own file if there is none.
        line: The line in it, from 1.
        tests: The tests that show it.
    """

    finding: Finding | None
    fingerprint: str
    status: Status
    status_reason: str
    sentence: str
    file: str
    line: int
    tests: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """Name of the leak pattern, or ``unrecognised``."""
        return self.finding.pattern if self.finding is not None else "unrecognised"

    @property
    def fails(self) -> bool:
        """Whether it is one that is not tolerated."""
        return self.status != "known"


def causes_of(facts: SessionFacts, root: Path) -> list[Cause]:
    """Return the causes of a session's leaks, the most pressing first.

    Args:
        facts: The session.
        root: Directory that file names are given relative to.
    """
    seen: dict[str, list[tuple[str, Finding]]] = {}
    causes = []
    for outcome in facts.judged:
        if outcome.result.verdict not in _LEAKING:
            continue
        for finding in outcome.result.findings:
            seen.setdefault(finding.fingerprint, []).append((outcome.nodeid, finding))
        if not outcome.result.findings:
            causes.append(_unexplained(outcome.nodeid, outcome.result))
    causes += [_explained(shown, root) for shown in seen.values()]
    causes.sort(key=lambda cause: (BY_CONCERN.index(cause.status), -len(cause.tests), cause.file))
    return causes


def _explained(shown: list[tuple[str, Finding]], root: Path) -> Cause:
    def concern(entry: tuple[str, Finding]) -> tuple[int, float, float]:
        finding = entry[1]
        status = finding.status or "new"
        return BY_CONCERN.index(status), -finding.objects_per_run, -finding.bytes_per_run

    nodeid, finding = min(shown, key=concern)
    file, line = place_of((*finding.allocated, *finding.grown), root) or (_file_of(nodeid), 1)
    pattern = "" if finding.pattern == "unrecognised" else f" ({finding.pattern})"
    return Cause(
        finding=finding,
        fingerprint=finding.fingerprint,
        status=finding.status or "new",
        status_reason=finding.status_reason,
        sentence=f"{finding.type}: {rate_of(finding)}, held by {finding.holder}{pattern}",
        file=file,
        line=line,
        tests=tuple(dict.fromkeys(nodeid for nodeid, _ in shown)),
    )


def _unexplained(nodeid: str, result: Result) -> Cause:
    return Cause(
        finding=None,
        fingerprint=hashlib.sha256(nodeid.encode()).hexdigest()[:8],
        status="known" if result.verdict == "known" else "new",
        status_reason=result.reason,
        sentence=f"{growth_text(result)}; what holds it is not known",
        file=_file_of(nodeid),
        line=1,
        tests=(nodeid,),
    )


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def rate_of(finding: Finding) -> str:
    """Write how fast it grows: ``+1 per run, +272 B per run``."""
    return format_rates(finding.objects_per_run, finding.bytes_per_run) or "growth"


def place_of(frames: Iterable[Frame], root: Path) -> tuple[str, int] | None:
    """Return the first line that lies below the root directory and in no installed package."""
    for frame in frames:
        file = relative(frame.file, root)
        if not Path(file).is_absolute() and not re.search(r"^<|(^|/)(site|dist)-packages/", file):
            return file, frame.line
    return None
