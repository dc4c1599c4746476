"""What follows from a verdict: does the test fail, does the session, what is recorded as known?"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import final

import pytest

from pytest_leakguard.baseline import Base, Baseline, Comparison, compare, gone
from pytest_leakguard.model import Result
from pytest_leakguard.plugin.arguments import KNOWN_FILE, FailOn
from pytest_leakguard.plugin.markers import Known, Plan
from pytest_leakguard.plugin.options import Options
from pytest_leakguard.reports import SessionFacts, TestOutcome
from pytest_leakguard.units import plural

#: Reasons why a test was not judged that are its own run's, by its outcome.
OWN_OUTCOMES = {
    "failed": "the test did not pass",
    "skipped": "the test was skipped",
    "xfailed": "the test is expected to fail",
}
DEBUGGED = "the user went through it in the debugger, so it was not checked"
_NEVER_RAN = frozenset({OWN_OUTCOMES["skipped"], OWN_OUTCOMES["xfailed"]})
_NOT_PASSED = frozenset({*OWN_OUTCOMES.values(), DEBUGGED})
_SHOWN_TESTS = 3


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a session does about verdicts.

    Attributes:
        fail_on: What fails a test that is checked because all are; marked tests have rules of
            their own.
        baseline: The known leaks; none without a file of them.
        known_path: Where that file is; ``None`` if there is none.
        base: An earlier session that this one is held against; ``None`` if it is not.
        expects_verdicts: At least one of the tests that pass has to be judged, or the session
            fails: all were asked for, and no option leaves any out.
    """

    fail_on: frozenset[FailOn]
    baseline: Baseline
    known_path: Path | None = None
    base: Base | None = None
    expects_verdicts: bool = False

    @classmethod
    def of(cls, options: Options) -> Policy:
        """Return what the options ask for."""
        known = options.known
        return cls(
            fail_on=options.fail_on,
            baseline=Baseline(
                entries=() if known is None else known.entries,
                file=KNOWN_FILE if known is None else known.shown,
                today=date.today(),  # noqa: DTZ011  # the day that people here have
                updates=known is not None and known.updates,
                base=() if options.base is None else options.base.entries,
            ),
            base=options.base,
            known_path=None if known is None else known.path,
            expects_verdicts=options.mode == "all"
            and (options.sample, options.changed, options.budget) == (None, None, None),
        )

    def settle(self, nodeid: str, result: Result, plan: Plan) -> tuple[Result, bool]:
        """Apply what markers and known leaks say to a verdict.

        Args:
            nodeid: The test.
            result: As the core has judged.
            plan: How the test was to be checked.

        Returns:
            The result, and whether the test fails by it.
        """
        if plan.known is not None:
            return _settle_marked_as_known(result, plan.known)
        result = self.baseline.apply(nodeid, result)
        if plan.marked:
            return result, result.verdict in ("leak", "inconclusive", "unchecked")
        if result.verdict == "leak":
            statuses = {finding.status for finding in result.findings} - {"known"}
            only_worse = bool(statuses) and "new" not in statuses
            return result, "leak" in self.fail_on or (only_worse and "worse" in self.fail_on)
        return result, result.verdict == "inconclusive" and "inconclusive" in self.fail_on

    def lines_to_accept(self, nodeid: str, result: Result) -> list[str]:
        """Return what would make a leak known: the file's name, and TOML to paste into it."""
        if result.verdict != "leak":
            return []
        lines = [self.baseline.file]
        new = [finding.fingerprint for finding in result.findings if finding.status == "new"]
        keys = [f'fingerprint = "{digits}"' for digits in dict.fromkeys(new)]
        if not result.findings and not result.reason:
            keys = [f"test = {json.dumps(nodeid, ensure_ascii=False)}"]
        for key in keys:
            lines += ["[[known]]", key, 'reason = ""']
        return lines if keys else []

    def objections(self, facts: SessionFacts) -> Iterator[str]:
        """Say why a session fails although each of its tests may pass."""
        passed = [
            outcome
            for outcome in facts.tests
            if outcome.result.executions and outcome.result.reason not in _NOT_PASSED
        ]
        unchecked = [outcome for outcome in passed if outcome.result.verdict == "unchecked"]
        if self.expects_verdicts and passed and len(unchecked) == len(passed):
            yield f"nothing was judged, though {plural(len(passed), 'test')} passed"
        elif facts.mode == "all" and "unchecked" in self.fail_on and unchecked:
            names = ", ".join(outcome.nodeid for outcome in unchecked[:_SHOWN_TESTS])
            more = ", ..." if len(unchecked) > _SHOWN_TESTS else ""
            yield f"{plural(len(unchecked), 'test')} passed unchecked: {names}{more}"
        if self.baseline.updates:
            return
        for entry in gone(self.baseline.entries, _for_known(facts), whole=_is_whole(facts)):
            if entry.strict:
                yield (
                    f"{entry.place}: no leak fits {entry.name} any more"
                    f" ({entry.why}); remove the entry, or --leak-update-known does"
                )

    def compare(self, facts: SessionFacts) -> Comparison | None:
        """Hold a session against the earlier one, if there is one."""
        if self.base is None:
            return None
        return compare(self.base, _for_known(facts), whole=_is_whole(facts))

    def record(self, facts: SessionFacts) -> str:
        """Bring the file of known leaks up to date, if that was asked for.

        Returns:
            What was done, in words; empty if nothing.

        Raises:
            InvalidSettingError: The file cannot be used any more.
            OSError: It cannot be written.
        """
        if self.known_path is None or not self.baseline.updates:
            return ""
        from pytest_leakguard.baseline.writing import Changes, update_known

        tests = [
            (outcome.nodeid, outcome.result) for outcome in facts.judged if outcome.kind != "leaks"
        ]
        removed = [
            entry
            for entry in gone(self.baseline.entries, _for_known(facts), whole=_is_whole(facts))
            if entry.strict
        ]
        changes = Changes.of_session(self.baseline.entries, tests, removed)
        if not changes:
            return f"{self.baseline.file}: up to date"
        update_known(self.known_path, self.baseline.file, changes)
        return f"{self.baseline.file}: {changes}"


def _is_whole(facts: SessionFacts) -> bool:
    return facts.whole and facts.mode == "all"


def _for_known(facts: SessionFacts) -> list[tuple[str, Result]]:
    """Return what known leaks are held against: each test but those that do not run here."""

    def counts(outcome: TestOutcome) -> bool:
        return bool(outcome.kind) or outcome.result.reason not in _NEVER_RAN

    return [(outcome.nodeid, outcome.result) for outcome in facts.tests if counts(outcome)]


def _settle_marked_as_known(result: Result, known: Known) -> tuple[Result, bool]:
    if result.verdict in ("leak", "inconclusive"):
        issue = f" ({known.issue})" if known.issue else ""
        reason = f"{known.reason}{issue}"
        findings = tuple(
            replace(finding, status="known", status_reason=reason) for finding in result.findings
        )
        return replace(result, verdict="known", reason=reason, findings=findings), False
    if result.verdict not in ("clean", "bounded"):
        return result, False
    text = f"fixed: it no longer leaks ({known.reason}); remove the marker"
    if not known.strict:
        try:
            warnings.warn(pytest.PytestWarning(f"@pytest.mark.leaks: {text}"), stacklevel=1)
        except pytest.PytestWarning:  # the user wants warnings to be errors
            return replace(result, reason=text), True
    return replace(result, reason=text), known.strict
