"""What follows from growth that was confirmed? It is explained, looked at once more, and decided.

The last look is at what growth cannot show in so few runs: a store that is full or drops what is
old by now, and a bound that is only stated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, final

from pytest_leakguard import calls, persistence, runner
from pytest_leakguard.clock import now
from pytest_leakguard.confirmation import BATCH_PLANS, Confirmed
from pytest_leakguard.decision import decide, ended, exempt, flat, grew, tidy
from pytest_leakguard.forkable import other_threads
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import NOWHERE, OF_BYTES, PROCESS, Bound, Finding, Result
from pytest_leakguard.runner import BrokenRunError, Subject, Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import NATIVE_COUNTERS, Settings
from pytest_leakguard.units import format_duration

if TYPE_CHECKING:
    from pytest_leakguard.diagnosis.model import Diagnosis
    from pytest_leakguard.diagnosis.sites import Sources

#: What a holder may be given to see whether it keeps the bound that it states, in bytes.
MOST_FILL_BYTES = 64 << 20
#: Runs that growth without a known holder has to outlast: an extension's own store may be as large.
_UNNAMED_RUNS = 400
#: Counters that new objects move.
_OBJECTS = frozenset({"gc_objects", "blocks"})
#: What an allocator may take for objects of a known size, as a multiple of it and beside that.
_SLACK, _SLACK_BYTES = 2, 1024
#: Share of the extra time that filling a holder may take that is known to keep its bound.
_KEPT_SHARE = 0.3
#: Counters that no last look is taken at: an allocator may lag, and nothing is traced by then.
_NOT_LOOKED_AT = NATIVE_COUNTERS | {"traced_bytes"}
#: What tracing a few runs of an undecided test may cost, in untraced runs.
_TRACED_RUNS = 60


@final
class Concluder:
    """Draws conclusions for the tests of one process.

    Args:
        extra_roots: Called for each diagnosis; named places where holders may live.
    """

    def __init__(self, extra_roots: Callable[[], Mapping[str, object]]) -> None:
        self._extra_roots = extra_roots
        self._sources: Sources | None = None
        self._kept: set[str] = set()

    def believe(self, result: Result) -> None:
        """Try no more whether holders keep their bound that have kept it elsewhere."""
        if result.verdict == "bounded":
            self._kept.update(finding.holder for finding in result.findings if finding.bound.room)

    def conclude(
        self,
        trial: Trial,
        sampler: Sampler,
        confirmed: Confirmed,
        growth: dict[str, float | None],
    ) -> Result:
        """Return the verdict on a suspect.

        Args:
            trial: What is run.
            sampler: Has the counters that it was confirmed by.
            confirmed: What the batches say.
            growth: Growth per run of each counter, as far as it is known by now.
        """
        for name, judgement in confirmed.judgements.items():
            growth[name] = tidy(judgement.per_run)
        result = Result(
            verdict="clean",
            growth=growth,
            series=confirmed.series,
            batches=confirmed.sizes,
            executions=trial.executions,
        )
        if confirmed.status == "acquitted":
            return ended(result, trial) if grew(confirmed) else replace(result, growth=flat(growth))
        convicted = confirmed.rates("convicted")
        if convicted and convicted.keys() <= NATIVE_COUNTERS and calls.toggles_tracing(trial):
            reason = (
                "native bytes grow as tracemalloc stops: CPython loses some for each line traced"
            )
            return replace(result, reason=reason, executions=trial.executions)
        if not convicted and trial.run_seconds * _TRACED_RUNS > trial.settings.confirm:
            return decide(result, confirmed, (), trial)
        return self._explained(trial, sampler, confirmed, result)

    def _explained(
        self, trial: Trial, sampler: Sampler, confirmed: Confirmed, result: Result
    ) -> Result:
        """Return the verdict once it is known, as far as it can be, who holds what grows."""
        from pytest_leakguard.diagnosis import explaining  # heavy: only for suspects
        from pytest_leakguard.diagnosis.roots import Roots
        from pytest_leakguard.diagnosis.sites import Sources

        trial.stretch = confirmed.stretch
        self._sources = sources = self._sources or Sources()
        convicted = confirmed.rates("convicted")
        begun = now()

        def explain(behind: Mapping[str, float] | None = None) -> Diagnosis:
            return explaining.explain(
                trial,
                Roots(self._extra_roots),
                convicted if behind is None else behind,
                sources,
                runner.grown_containers(sampler),
                behind=behind is not None,
            )

        explained = explain()
        took = now() - begun
        rates = _looked_at(convicted)
        if rates and not _goes_on(trial, sampler, confirmed, rates):
            return ended(result, trial)
        moving = _looked_at(confirmed.rates("convicted", "open"))
        found = explained.findings
        if not found and other_threads():
            native = {name: rate for name, rate in convicted.items() if name in NATIVE_COUNTERS}
            apart = _apart(result, trial, sampler, {**moving, **native}, explained.background)
            if apart is not None:
                return apart
        # What is old may have been dropped before it could be explained.
        if not found and persistence.falls_in_time(trial, sampler, moving, took):
            reason = f"what the runs leave behind is gone {format_duration(took)} later"
            return replace(ended(result, trial), reason=reason)
        if rates:
            found = _wait_for_expiry(trial, sampler, rates, found)
            found = self._fill(trial, sampler, convicted, found, explain)
        if all(map(_is_unnamed, found)) and not _outlasts(trial, sampler, convicted, found):
            return ended(result, trial)
        if explained.traced_bytes_per_run is not None:
            traced = {"traced_bytes": tidy(explained.traced_bytes_per_run)}
            result = replace(result, growth={**result.growth, **traced})
        beside = ""
        if found and confirmed.status == "open" and explained.background:
            found, beside = _steady_beside(trial, explain, explained)
        findings, ignored = exempt(found, trial.settings.ignore)
        result = replace(
            result,
            executions=trial.executions,
            findings=findings,
            timeline=explained.timeline,
            ignored=ignored,
        )
        decided = decide(result, confirmed, found, trial, beside)
        return decided if found else _with_search(decided, confirmed, explained)

    def _fill(
        self,
        trial: Trial,
        sampler: Sampler,
        convicted: Mapping[str, float],
        findings: tuple[Finding, ...],
        explain: Callable[[Mapping[str, float]], Diagnosis],
    ) -> tuple[Finding, ...]:
        """Fill the holders that have a bound, where time and memory allow, and see what grows on.

        Those that only state it are held to it. One that has kept it is believed from then on:
        another test that uses it need not show the same again.
        """
        bounded = tuple(one for one in findings if one.bound)
        if not bounded or any(not one.bound and one.holder != PROCESS for one in findings):
            return findings
        new = [one for one in bounded if one.bound.room and one.holder not in self._kept]
        runs = max((_runs_to_fill(finding) for finding in new), default=0)
        needed_bytes = runs * sum(finding.bytes_per_run for finding in findings)
        share = 1.0 if any(not one.bound.kept for one in new) else _KEPT_SHARE
        # What was full once may be asked at once what grows behind it.
        filled: bool | None = True if all(one.holder in self._kept for one in bounded) else None
        if runs and needed_bytes <= MOST_FILL_BYTES:
            filled = persistence.grows_through(
                trial, sampler, _looked_at(convicted), runs, trial.settings.confirm * share
            )
        if filled is False:
            self._kept.update(finding.holder for finding in new)
        if filled is not None:
            if growing := _growing_beside(trial, sampler, convicted):
                again = explain(growing).findings
                if _are_bounded(again) and (rest := _unexplained(growing, again)):
                    again = (*again, *explain(rest).findings)
                findings = _break(findings, again)
            else:
                self._kept.update(finding.holder for finding in new)
                findings = bounded
        return tuple(
            replace(finding, bound=replace(finding.bound, kept=True))
            if finding.bound and finding.holder in self._kept
            else finding
            for finding in findings
        )


def _growing_beside(
    trial: Trial, sampler: Sampler, convicted: Mapping[str, float]
) -> dict[str, float]:
    """Return what still grows when holders are full, with the rates that were confirmed."""
    rates = _in_any_memory(convicted)
    growing = persistence.still_growing(trial, sampler, rates)
    if growing <= NATIVE_COUNTERS:  # an allocator may lag
        growing &= persistence.still_growing(trial, sampler, rates)
    return {name: rates[name] for name in growing}


def _in_any_memory(convicted: Mapping[str, float]) -> dict[str, float]:
    """Return the rates to ask of once more, with those of native memory wherever it is taken."""
    rates = {name: rate for name, rate in convicted.items() if name != "traced_bytes"}
    # Which requests are mapped by themselves changes with what has been given back before.
    if native := [rate for name, rate in rates.items() if name in NATIVE_COUNTERS]:
        rates = {**dict.fromkeys(NATIVE_COUNTERS, max(native)), **rates}
    return rates


def _is_unnamed(finding: Finding) -> bool:
    """Tell whether nothing is known that holds what was found, which may have any bound."""
    return finding.holder == NOWHERE or finding.type in OF_BYTES


def _outlasts(
    trial: Trial,
    sampler: Sampler,
    convicted: Mapping[str, float],
    findings: Sequence[Finding],
) -> bool:
    """Run on, and tell whether growth goes on that nobody is known to hold.

    An extension may keep the last hundred errors, say, and tells nobody. Where there is no time,
    it is taken to go on.
    """
    rates = _in_any_memory(convicted)
    native = [rate for name, rate in rates.items() if name in NATIVE_COUNTERS]
    found = sum(finding.bytes_per_run for finding in findings)
    runs = min(_UNNAMED_RUNS, int(MOST_FILL_BYTES / max(1.0, found, *native)))
    if not rates or not runs:
        return True
    seconds = trial.settings.confirm * _KEPT_SHARE
    grew = persistence.grows_through(trial, sampler, rates, runs, seconds)
    return grew is None or (grew and persistence.still_grows(trial, sampler, rates))


def _are_bounded(findings: Sequence[Finding]) -> bool:
    return all(finding.bound for finding in findings)


def _unexplained(growing: Mapping[str, float], bounded: Sequence[Finding]) -> dict[str, float]:
    """Return the counters that grow by more than holders with a bound can make them."""
    explained = _SLACK * sum(finding.bytes_per_run for finding in bounded) + _SLACK_BYTES
    return {
        name: rate
        for name, rate in growing.items()
        if name not in _OBJECTS and (name not in NATIVE_COUNTERS or rate > explained)
    }


def _goes_on(
    trial: Trial, sampler: Sampler, confirmed: Confirmed, rates: Mapping[str, float]
) -> bool:
    """Tell whether what was explained still grows.

    What is so rare that there is no time to ask was soaked for longer than that.
    """
    if confirmed.soaked and not persistence.affords(trial):
        return True
    return persistence.still_grows(trial, sampler, rates)


def _with_search(result: Result, confirmed: Confirmed, explained: Diagnosis) -> Result:
    """Say of growth whose holder was not found why it was not."""
    searched = explained.not_looked
    if confirmed.soaked and result.verdict == "leak":
        searched = explained.searched or "no holder was found"
    said = "; ".join(filter(None, (result.evidence, searched)))
    return replace(result, evidence=said if searched else result.evidence)


def hold_to_one_process(result: Result, subject: Subject, settings: Settings) -> Result:
    """Accuse nobody of what may happen in a child only.

    Code that asks in which process it is may do there what it does not do in the first one.

    Args:
        result: What the child has found.
        subject: What is run.
        settings: How it is checked.
    """
    if result.verdict != "leak":
        return result
    trial = Trial(
        subject=subject,
        settings=settings,
        heap=Heap(frozen=False),
        executions=result.executions,
    )
    place = ""
    with suppress(BrokenRunError):
        place = calls.asks_for_process(trial)
    result = replace(result, executions=trial.executions)
    if not place:
        return result
    reason = (
        f"grows in a forked child, but {place} asks in which process it is and may do otherwise in"
        " the first one: check this test without --leak-isolate"
    )
    return replace(result, verdict="inconclusive", reason=reason)


def _runs_to_fill(finding: Finding) -> int:
    """Return how many runs pass a bound; 0 where an object only grows, in bytes."""
    if not finding.objects_per_run:
        return 0
    return math.ceil(finding.bound.room / finding.objects_per_run)


def _break(before: Sequence[Finding], after: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what is left of findings when holders are full and something still grows.

    Args:
        before: Findings with bounds that the holders should have reached by now.
        after: What a second look sees: bounds that hold, and what was hidden behind them.
    """
    bounds = {finding.fingerprint: finding.bound for finding in after}
    held = [
        finding
        if bounds.get(finding.fingerprint, finding.bound)
        else replace(finding, bound=Bound(), note=f"has passed its bound: {finding.bound.text}")
        for finding in before
        if finding.bound
    ]
    known = {finding.fingerprint for finding in held}
    return (*held, *(one for one in after if not one.bound and one.fingerprint not in known))


def _apart(
    result: Result,
    trial: Trial,
    sampler: Sampler,
    rates: Mapping[str, float],
    background: Sequence[str],
) -> Result | None:
    """Return the verdict where what grows may do so without the test; ``None`` if it does not.

    Args:
        result: What is known so far.
        trial: What is run.
        sampler: Has the counters.
        rates: Growth per run of those that move.
        background: Holders that also grow while the test does not run.
    """
    grows = persistence.grows_idle(trial, sampler, rates)
    result = replace(result, executions=trial.executions)
    holders = ", ".join(background) or "the holder was not found"
    if rates and grows >= rates.keys():
        reason = f"what grows does so while the test does not run, too: {holders}"
        return replace(result, verdict="clean", reason=reason)
    if not background:
        return None
    others = ", ".join(sorted(rates.keys() - grows))
    reason = f"{holders} grows while the test does not run, too, but that does not explain {others}"
    return replace(result, verdict="inconclusive", reason=reason)


def _steady_beside(
    trial: Trial, explain: Callable[[], Diagnosis], explained: Diagnosis
) -> tuple[tuple[Finding, ...], str]:
    """Measure holders by themselves where a background makes the counters uneven.

    Returns:
        Those without a bound that gain the same whole number of objects on each run, in two
        diagnoses as far apart as batches of runs are, with the evidence; all, where none does.
    """
    apart = sum(BATCH_PLANS[0])
    if apart * trial.run_seconds > trial.settings.confirm:
        return explained.findings, ""
    for _ in range(apart):
        trial.run()
    later = {finding.fingerprint: finding.objects_per_run for finding in explain().findings}
    steady = tuple(
        finding
        for finding in explained.findings
        if not finding.bound
        and finding.objects_per_run >= 1
        and finding.objects_per_run == round(finding.objects_per_run)
        and finding.objects_per_run == later.get(finding.fingerprint)
    )
    if not steady:
        return explained.findings, ""
    names = ", ".join(explained.background)
    return steady, (
        f"the same number on each run before and after {apart} more, counted at each holder;"
        f" the counters are uneven by {names}, which grows while the test does not run, too"
    )


def _looked_at(rates: Mapping[str, float]) -> dict[str, float]:
    return {name: rate for name, rate in rates.items() if name not in _NOT_LOOKED_AT}


def _wait_for_expiry(
    trial: Trial, sampler: Sampler, rates: Mapping[str, float], findings: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """Hold holders that drop what is old to what they say, where the time allows.

    A clock that the test has frozen or moves by itself does not pass while it is waited.
    """
    lifetimes = [finding.bound.lifetime for finding in findings if finding.bound.lifetime]
    if not lifetimes or max(lifetimes) > trial.settings.confirm:
        return findings
    if calls.sets_clock(trial) or persistence.falls_in_time(trial, sampler, rates, max(lifetimes)):
        return findings
    return tuple(
        replace(finding, bound=Bound(), note=f"but does not: {finding.bound.text}")
        if finding.bound.lifetime
        else finding
        for finding in findings
    )
