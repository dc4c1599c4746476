"""Which leaks are known, which of these are worse than was recorded, and which are gone?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import final

from pytest_leakguard.baseline.entries import KnownLeak, Rate
from pytest_leakguard.model import Finding, Result, Status

#: What a leak that is recorded in this session is known for.
RECORDED = "recorded by --leak-update-known"
#: Tests that were not judged for these reasons say nothing about a leak, and never will here.
_LEAKING = ("leak", "inconclusive", "known")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The known leaks of a session.

    Attributes:
        entries: As the file has them.
        base: The leaks of an earlier session, which are tolerated as well.
        file: Name of the file, as messages give it.
        today: The day that expiry is told by.
        updates: Whether what is new is recorded, and passes.
    """

    entries: tuple[KnownLeak, ...]
    base: tuple[KnownLeak, ...] = ()
    file: str
    today: date
    updates: bool = False

    def apply(self, nodeid: str, result: Result) -> Result:
        """Return a verdict with the known causes told from the others, and these first.

        The verdict is ``known`` where all causes are, and nothing about them is worse or expired.

        Args:
            nodeid: The test.
            result: As it was judged.
        """
        if result.verdict not in ("leak", "inconclusive"):
            return result
        if not result.findings:
            rate = Rate.of_growth(result.growth)
            covering = [entry for entry in self._all if entry.covers_unexplained(nodeid)]
            if result.verdict == "inconclusive" and not covering:
                return result
            status, why = self._status(covering, rate)
            if status == "known":
                return replace(result, verdict="known", reason=why)
            return replace(result, reason=why) if why else result
        findings = [self._stated(nodeid, finding) for finding in result.findings]
        findings.sort(key=lambda finding: finding.status == "known")
        if findings[0].status != "known":
            return replace(result, findings=tuple(findings))
        why = "; ".join(dict.fromkeys(finding.status_reason for finding in findings))
        return replace(result, verdict="known", reason=why, findings=tuple(findings))

    @property
    def _all(self) -> tuple[KnownLeak, ...]:
        return (*self.entries, *self.base)

    def _stated(self, nodeid: str, finding: Finding) -> Finding:
        covering = [entry for entry in self._all if entry.covers(nodeid, finding)]
        status, why = self._status(covering, Rate.of_finding(finding))
        return replace(finding, status=status, status_reason=why)

    def _status(self, covering: Sequence[KnownLeak], rate: Rate) -> tuple[Status, str]:
        """Return the best that the entries say: one that tolerates it is enough."""
        statuses = sorted(
            (self._status_by(entry, rate) for entry in covering),
            key=lambda stated: ("known", "worse", "expired").index(stated[0]),
        )
        if statuses and (statuses[0][0] != "worse" or not self.updates):
            return statuses[0]
        return ("known", RECORDED) if self.updates else ("new", "")

    def _status_by(self, entry: KnownLeak, rate: Rate) -> tuple[Status, str]:
        if entry.expires is not None and self.today > entry.expires:
            return "expired", f"known until {entry.expires} ({entry.place}): {entry.why}"
        if over := entry.exceeded_by(rate):
            return "worse", f"{over} in {entry.place}: {entry.why}"
        return "known", entry.why


def gone(
    entries: Iterable[KnownLeak], tests: Sequence[tuple[str, Result]], *, whole: bool
) -> list[KnownLeak]:
    """Return the entries that nothing fits any more.

    One that might have fitted a test that was not judged is not gone. Neither is any in a session
    of chosen tests, unless it names one test in full and that one was judged.

    Args:
        entries: Known leaks.
        tests: Each test of the session and what is known of it.
        whole: Whether all tests of the suite were to be judged.
    """
    found = []
    for entry in entries:
        named = [(nodeid, result) for nodeid, result in tests if entry.covers_test(nodeid)]
        if any(_needs(entry, nodeid, result) for nodeid, result in named):
            continue
        judged = all(result.verdict in ("clean", "bounded", *_LEAKING) for _, result in named)
        if judged and (whole or (entry.names_one_test and named)):
            found.append(entry)
    return found


def _needs(entry: KnownLeak, nodeid: str, result: Result) -> bool:
    if result.verdict not in _LEAKING:
        return False
    if any(entry.covers(nodeid, finding) for finding in result.findings):
        return True
    # Where it could not be told what leaks, it may be what the entry is about.
    return not result.findings or entry.covers_unexplained(nodeid)
