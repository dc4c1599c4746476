"""Which verdict do counters and findings make together? Pure: nothing is run here."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import accumulate, pairwise

from pytest_leakguard.clock import now
from pytest_leakguard.confirmation import RAREST, Confirmed
from pytest_leakguard.exemptions import Exempted, Exemption
from pytest_leakguard.model import CONTEXT, NOWHERE, Finding, Result, Verdict
from pytest_leakguard.runner import Trial
from pytest_leakguard.sequential import FALSE_CONVICTION
from pytest_leakguard.settings import NATIVE_COUNTERS
from pytest_leakguard.units import format_duration, plural
from pytest_leakguard.verdict import largest_fall

#: Counters that code moves as it becomes warm: CPython 3.10 gives each function a cache at its
#: 1,024th call, and keeps a frame for it. Both are for good, and neither is an object.
_OPCODE_CACHED = NATIVE_COUNTERS | {"blocks"} if sys.version_info < (3, 11) else frozenset[str]()
#: CPython 3.10 makes a cache for a function at its 1,024th call.
_WARM_RUNS = 4 * 1024
_WARM = "only code that became warm for CPython 3.10's opcode caches took more blocks"
_FEW_BLOCKS = "it was a few blocks of memory and no object, as code takes that becomes warm"
#: What code may take that becomes warm while one test is judged: no object, once and for all. Only
#: growth that has ended is held against it: it parts clean from bounded, and neither from a leak.
#: On CPython 3.10 it may be as much as there is code: 200 runs were seen to warm 90 functions.
_WARM_BLOCKS = 16 if sys.version_info >= (3, 11) else sys.maxsize
#: An allocator's choices depend on the time, where threads are about: none is told as a bound. The
#: screen holds nothing against such growth, either, if it ends sooner.
_NATIVE = "it was native memory and nothing of Python's"
_SWAYS = "what moves comes and goes, and has grown by no more than that"
_AT_MOST = f"chance of at most 1 in {round(1 / FALSE_CONVICTION):,}"
#: Types of stores that gain nothing where they are given a key that they have.
_KEYED = frozenset(
    {
        "dict",
        "set",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.Counter",
        "weakref.WeakValueDictionary",
    }
)


def exempt(
    findings: Sequence[Finding], exemptions: tuple[Exemption, ...]
) -> tuple[tuple[Finding, ...], tuple[Exempted, ...]]:
    """Return the findings that no exemption covers, and how many each of these covers."""
    left = []
    covered = dict.fromkeys(exemptions, 0)
    for finding in findings:
        if covering := next((one for one in exemptions if one.covers(finding.names)), None):
            covered[covering] += 1
        else:
            left.append(finding)
    return tuple(left), tuple(
        Exempted(one.pattern, one.reason, count) for one, count in covered.items()
    )


def decide(
    result: Result,
    confirmed: Confirmed,
    seen: tuple[Finding, ...],
    trial: Trial,
    beside: str = "",
) -> Result:
    """Return the verdict that counters and findings make together.

    Args:
        result: What is known so far, without the findings that are exempt.
        confirmed: What the batches say.
        seen: All findings.
        trial: What was run.
        beside: Evidence from the holders themselves, where the counters have none.
    """
    evidence = beside or confirmed.soaked or _evidence(confirmed)
    if seen and not result.findings:
        return replace(result, verdict="clean", reason=f"ignored: {plural(len(seen), 'finding')}")
    if result.findings and all(finding.bound for finding in result.findings):
        return _bounded(replace(result, evidence=evidence), trial)
    exact = any(judgement.exact for judgement in confirmed.judgements.values())
    moving = confirmed.rates("convicted", "open").keys()
    if not exact and not seen and (reason := warmth(moving, sum(confirmed.sizes))):
        return replace(result, verdict="clean", reason=reason, evidence=evidence)
    if confirmed.status == "open" and not seen and (reason := _sways(confirmed, moving)):
        return replace(result, verdict="clean", reason=reason, evidence=evidence)
    held = any(finding.holder != NOWHERE for finding in seen)
    if beside or (confirmed.status == "convicted" and (exact or held or confirmed.soaked)):
        return _convict(replace(result, evidence=evidence), confirmed, trial)
    spent = f"{trial.executions} executions in {format_duration(now() - trial.started)}"
    said = f"still growing, but not steadily, after {spent}"
    if not any(len({*samples}) > 1 for samples in confirmed.series.values()):
        runs = plural(sum(confirmed.sizes), "run")
        said = f"flat in the last {runs}, after something moved, when the time was up: {spent}"
    return replace(
        result,
        verdict="inconclusive",
        reason=f"{said}; --leak-confirm gives more time",
        evidence=evidence,
    )


def warmth(moving: AbstractSet[str], runs: int) -> str:
    """Say that code has become warm, where that may be all that has grown; else empty.

    Args:
        moving: Names of the counters that have.
        runs: In how many runs: in so many, all that a run calls once has been warm for long.
    """
    return _WARM if "blocks" in moving <= _OPCODE_CACHED and runs < _WARM_RUNS else ""


def _sways(confirmed: Confirmed, moving: AbstractSet[str]) -> str:
    """Say that what moves comes and goes, and has grown by no more than that; else empty.

    Threads that run at the same time have allocators of their own, which keep now more, now less.
    What counts whole things is held to the rarest leak looked for as well.
    """
    runs = sum(confirmed.sizes)
    for name in moving:
        series = confirmed.series[name]
        single = tuple(accumulate(confirmed.steps.get(name, ()), initial=0))
        most = max(largest_fall(single), largest_fall(series))
        if name not in NATIVE_COUNTERS:
            most = min(most, runs // RAREST - 1)
        if series[-1] - min(series) > most:
            return ""
    return f"{_SWAYS} in {plural(runs, 'more run')}"


def _convict(result: Result, confirmed: Confirmed, trial: Trial) -> Result:
    """Return the verdict on growth that goes on, of which something is held without a bound."""
    findings = tuple(finding for finding in result.findings if not finding.bound)
    if confirmed.is_random and findings and all(map(_is_keyed, findings)):
        return replace(
            result,
            verdict="inconclusive",
            reason=(
                f"new keys at random, still at {trial.executions} executions: a store that fills up"
                " with keys drawn from many looks the same; give the test the same keys each time"
            ),
        )
    return replace(result, verdict="leak", findings=findings)


def _is_keyed(finding: Finding) -> bool:
    """Tell whether the same key may come again, and then gain nothing.

    The keys of a context are variables: each new one is another key. It is a tree, whose nodes come
    and go by chance as keys are added, so that counters are uneven.
    """
    is_store = len(finding.path) > 1 and finding.path[-2].type in _KEYED
    return is_store and finding.holder != CONTEXT


def _bounded(result: Result, trial: Trial) -> Result:
    """Return the verdict on growth of holders that all have a bound."""
    said = sorted({finding.bound.text for finding in result.findings})
    if all(finding.bound.kept for finding in result.findings):
        return replace(result, verdict="bounded", reason="; ".join(said))
    return replace(
        result,
        verdict="inconclusive",
        reason=(
            f"still growing at {trial.executions} executions, and the bound is not reached:"
            f" {'; '.join(said)}; --leak-confirm gives more time"
        ),
    )


def ended(result: Result, trial: Trial) -> Result:
    """Return the verdict on growth that has ended."""
    verdict: Verdict = "bounded"
    reason = f"growth ended or faded within {plural(trial.executions, 'execution')}"
    if why := _no_holder(result):
        verdict, reason = "clean", f"{reason}: {why}"
    return replace(
        result,
        verdict=verdict,
        reason=reason,
        executions=trial.executions,
        growth=flat(result.growth),
    )


def _no_holder(result: Result) -> str:
    """Say why nothing that the test uses can have been what has grown; empty where it can."""
    risen = {
        name: samples[-1] - samples[0]
        for name, samples in result.series.items()
        if samples[-1] > samples[0]
    }
    if risen.keys() <= NATIVE_COUNTERS:
        return _NATIVE
    blocks = risen.pop("blocks", 0)
    return _FEW_BLOCKS if 0 < blocks <= _WARM_BLOCKS and risen.keys() <= NATIVE_COUNTERS else ""


def grew(confirmed: Confirmed) -> bool:
    """Tell whether a counter reads more than before the batches, and has never come down.

    What does come down is emptied again and again: how full it is now says nothing.
    """
    return any(
        samples[-1] > samples[0]
        and all(before <= after for before, after in pairwise(samples))
        and all(step >= 0 for step in confirmed.steps.get(name, ()))
        for name, samples in confirmed.series.items()
    )


def _evidence(confirmed: Confirmed) -> str:
    for name, judgement in confirmed.judgements.items():
        if judgement.status == "convicted":
            samples = confirmed.series[name]
            if judgement.random:
                return (
                    f"{name}: {sum(confirmed.sizes)} more runs grew by"
                    f" {samples[-1] - samples[0]} at random, in each of {len(confirmed.sizes)}"
                    f" batches; no slowing down ({_AT_MOST} that it had come down to half)"
                )
            sizes = ", ".join(map(str, confirmed.sizes))
            amounts = ", ".join(str(after - before) for before, after in pairwise(samples))
            exactly = "exactly " if judgement.exact else ""
            return (
                f"{name}: {sizes} more runs grew by {amounts}:"
                f" {exactly}{tidy(judgement.per_run)} per run; no slowing down"
            )
    return ""


def flat(growth: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return growth of 0 for every counter that was read."""
    return {name: None if per_run is None else 0 for name, per_run in growth.items()}


def tidy(per_run: float) -> float:
    """Round a rate to two decimals, a small one to two digits; a whole number stays one."""
    if 0 < abs(per_run) < 0.01:
        return float(f"{per_run:.2g}")
    return int(per_run) if per_run == int(per_run) else round(per_run, 2)
