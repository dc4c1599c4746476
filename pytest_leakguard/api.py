"""How do the parts work together? Check one test, or any callable, from first run to result.

Nothing else builds collaborators.
"""

from __future__ import annotations

import math
import re
import sys
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, final

from pytest_leakguard import counters, forkable, runner
from pytest_leakguard.clock import now, wait
from pytest_leakguard.confirmation import Confirmed, confirm
from pytest_leakguard.counters import mapped, temp_files
from pytest_leakguard.counters.containers import ContainerItems
from pytest_leakguard.counters.nearby import NearbyItems, Neighbourhood
from pytest_leakguard.counters.traced import TracedBytes
from pytest_leakguard.exemptions import Exempted, Exemption
from pytest_leakguard.heap import Heap, Pacer
from pytest_leakguard.model import Finding, Result, Settings, parse_setting
from pytest_leakguard.runner import BrokenRunError, Screened, Subject, Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.units import format_duration, plural

if TYPE_CHECKING:
    from pytest_leakguard.diagnosis.sites import Sources

#: Share of the elapsed time that readings of the native heap may take in whole-suite mode. On a
#: fragmented heap (200,000 free chunks) one reading takes 32 ms.
NATIVE_SHARE = 0.02
_NATIVE = ("native_bytes", "mapped_bytes")
#: Those of them whose readings take time that grows with the heap.
_RATIONED = _NATIVE[:1] if mapped.IS_CHEAP else _NATIVE
#: What a holder may be given to see whether it keeps the bound that it states, in bytes.
MOST_FILL_BYTES = 64 << 20
#: Counters of the pass under tracing.
_CLOSER = frozenset({"traced_bytes", "container_items"})
#: What the first tests of a session may spend on it, before any share has come together.
_NATIVE_START_SECONDS = 0.02
#: Share of the elapsed time that measuring what a reading costs may take.
_MEASURING_SHARE = 0.005
#: Readings of a sound test: the baseline, and after the last run.
_READINGS = 2
_IDLE_SECONDS = 0.002
#: How long is waited before each further attempt at judging an empty test.
_SELF_CHECK_PAUSES_SECONDS = (0.1, 0.4, 1.5)


@final
class _Idle:
    """The empty test of the self-check: lets other threads run for a moment, and does nothing."""

    def run(self) -> None:
        wait(_IDLE_SECONDS)


class _NativeRation:
    """Decides whether a test can afford readings of the native heap."""

    def __init__(self) -> None:
        self._started = now()
        self._spent = 0.0
        self._cost = 0.0
        self._measure_again = self._started

    def affords(self, chosen: tuple[counters.Counter, ...], readings: int) -> bool:
        """Tell whether so many readings fit into the share; what one costs is measured at times.

        While they do not fit, the last known cost stands: measuring it is as dear as reading.
        """
        begun = now()
        allowed = (begun - self._started) * NATIVE_SHARE + _NATIVE_START_SECONDS
        if self._spent + self._cost * readings > allowed:
            return False
        if begun >= self._measure_again:
            for counter in chosen:
                if counter.name in _RATIONED:
                    counter.read()
            ended = now()
            self._cost = ended - begun
            self._spent += self._cost
            self._measure_again = ended + self._cost / _MEASURING_SHARE
            if self._spent + self._cost * readings > allowed:
                return False
        self._spent += self._cost * readings
        return True


class Checker:
    """Checks tests one after the other in one process.

    Args:
        track: Names of the counters to read; ``None`` for all that the platform has.
        extra_roots: Called for each diagnosis; named places where holders may live.
        kept_files: Matches the start of paths where temporary files are cleared away by others.
        harness: What of this process belongs to those who run the tests.
    """

    def __init__(
        self,
        *,
        track: tuple[str, ...] | None = None,
        extra_roots: Callable[[], Mapping[str, object]] = dict,
        kept_files: re.Pattern[str] | None = None,
        harness: forkable.Harness = forkable.Harness(),  # noqa: B008  # a frozen value
    ) -> None:
        self.counters = counters.available(track)
        self.missing = counters.missing(track)
        self._track = track
        self._extra_roots = extra_roots
        self._kept_files = kept_files
        self._interrupts = harness.interrupts
        self._obstacles = forkable.Obstacles(harness)
        self._pacer = Pacer()
        self._native = _NativeRation()
        self._nearby = NearbyItems()
        self._sources: Sources | None = None
        self._filled: set[str] = set()
        self._self_check: Result | None = None

    def counted(self) -> list[str]:
        """Return the names of the counters that are read for every checked test."""
        names = [counter.name for counter in self.counters]
        if self._track is None or ContainerItems.name in self._track:
            names.append(ContainerItems.name)
        return names

    def leave_neighbourhood(self) -> None:
        """Let go of what is held from test to test; to be called before anything wide ends."""
        self._nearby.leave()

    def close(self) -> None:
        """Leave the interpreter as it was found; to be called when nothing more is checked."""
        self._nearby.leave()
        self._pacer.restore()

    def self_check(self) -> Result:
        """Judge an empty test, once per process: if it is not flat, nothing can be judged.

        A thread may have just begun its work, such as to fill a cache: it is given a moment.
        """
        if self._self_check is None:
            self._self_check = self._judge_empty_test()
            for pause in _SELF_CHECK_PAUSES_SECONDS:
                if self._self_check.verdict == "clean":
                    break
                wait(pause)
                self._self_check = self._judge_empty_test()
        return self._self_check

    def _judge_empty_test(self) -> Result:
        with Heap() as heap:
            trial = Trial(subject=_Idle(), settings=Settings(), heap=heap)
            sampler = Sampler(_undisturbed(self.counters))
            runner.warm_up(trial, sampler)
            screened = runner.screen(trial, sampler)
        moved = ", ".join(_moved(screened))
        return Result(
            verdict="clean" if screened.flat else "unchecked",
            reason="" if screened.flat else f"an empty test is not flat: {moved} moved",
            executions=trial.executions,
            series=screened.series,
        )

    def check(
        self,
        subject: Subject,
        settings: Settings,
        *,
        marked: bool = True,
        neighbourhood: Neighbourhood | None = None,
        own_seconds: float = 0.0,
    ) -> Result:
        """Judge a test whose first run is done and passed.

        Args:
            subject: Runs the test again.
            settings: How it is checked.
            marked: The test's author asked for the check: it gets a traced pass of its own under
                ``trace='auto'``, and every counter whatever it costs.
            neighbourhood: Where containers are that may gain items; ``None``: nowhere.
            own_seconds: How long the first run took, in seconds: with ``isolate``, what a child is
                waited for is a multiple of it.
        """
        begun = now()
        if settings.isolate and forkable.CAN_FORK:
            # What an import leaves to be done by what runs next must not be seen in the first test.
            from pytest_leakguard import isolate  # noqa: F401  # used by what is called below
        if (self_check := self.self_check()).verdict != "clean":
            return Result(verdict="unchecked", reason=self_check.reason, executions=1)
        traced = settings.trace == "always" or (settings.trace == "auto" and marked)
        chosen = self._choose_counters(settings, marked=marked)
        wants_items = settings.track is None or ContainerItems.name in settings.track
        near = neighbourhood if wants_items else None
        if near is not None:
            chosen = (*chosen, self._nearby.enter(near))
        not_isolated = self._obstacles.first() if settings.isolate else ""
        if settings.isolate and not not_isolated:
            result = self._check_in_child(subject, settings, chosen, own_seconds, traced=traced)
        else:
            result = self._check_twice(subject, settings, chosen, traced=traced)
            result = replace(result, not_isolated=not_isolated)
            self._pacer.keep_pace()
            self._pacer.collect_if_due(after_suspect=result.verdict != "clean")
        if settings.ignore and not result.ignored:  # nothing was found
            result = replace(result, ignored=_exempt((), settings.ignore)[1])
        return replace(result, seconds=now() - begun)

    def _choose_counters(self, settings: Settings, *, marked: bool) -> tuple[counters.Counter, ...]:
        chosen = tuple(
            counter
            for counter in self.counters
            if settings.track is None or counter.name in settings.track
        )
        chosen = _undisturbed(chosen)
        if not marked and not self._native.affords(chosen, _READINGS):
            chosen = _without(chosen, _RATIONED)
        return chosen

    def _check_in_child(
        self,
        subject: Subject,
        settings: Settings,
        chosen: tuple[counters.Counter, ...],
        own_seconds: float,
        *,
        traced: bool,
    ) -> Result:
        from pytest_leakguard import isolate

        def judge(announced: Subject) -> Result:
            self._pacer.retire()
            result = self._check_twice(announced, settings, chosen, traced=traced)
            return _hold_to_one_process(result, announced, settings)

        limits = isolate.Limits.of(settings, own_seconds)
        result = isolate.check_in_child(judge, subject, limits, self._interrupts)
        self._filled.update(finding.holder for finding in result.findings if finding.room)
        return result

    def _check_twice(
        self,
        subject: Subject,
        settings: Settings,
        chosen: tuple[counters.Counter, ...],
        *,
        traced: bool,
    ) -> Result:
        """Judge a test, and once more on a thawed heap if its re-runs fail."""
        result = self._check(subject, settings, chosen, traced=traced, frozen=True)
        if result.verdict == "inconclusive" and result.reason.startswith(_BROKEN):
            # Tests of the collector or of weak references can fail on a frozen heap only.
            thawed = self._check(subject, settings, chosen, traced=traced, frozen=False)
            result = replace(thawed, executions=thawed.executions + result.executions - 1)
        return result

    def _check(
        self,
        subject: Subject,
        settings: Settings,
        chosen: tuple[counters.Counter, ...],
        *,
        traced: bool,
        frozen: bool,
    ) -> Result:
        with temp_files.noting(self._kept_files), Heap(frozen=frozen) as heap:
            self._pacer.look()
            sampler = Sampler(chosen)
            trial = Trial(subject=subject, settings=settings, heap=heap)
            try:
                return self._judge(trial, sampler, traced=traced)
            except BrokenRunError as broken:
                return Result(
                    verdict="inconclusive",
                    reason=f"{_BROKEN} (execution {trial.executions}): {broken}",
                    executions=trial.executions,
                    series=sampler.series(),
                )

    def _judge(self, trial: Trial, sampler: Sampler, *, traced: bool) -> Result:
        screened = runner.screen(trial, sampler)
        growth: dict[str, float | None] = dict.fromkeys(_all_names(), None)
        growth.update(dict.fromkeys(screened.series, 0))
        track = trial.settings.track
        wants_closer = traced and (track is None or not _CLOSER.isdisjoint(track))
        confirmed = None if screened.flat else confirm(trial, sampler, screened)
        if confirmed is None:
            settled = Result(
                verdict="clean",
                executions=trial.executions,
                growth=growth,
                series=screened.series,
            )
        else:
            settled = self._conclude(trial, sampler, confirmed, growth)
        if not wants_closer or (confirmed is not None and confirmed.status != "acquitted"):
            return settled
        return self._look_closer(trial, settled)

    def _look_closer(self, trial: Trial, settled: Result) -> Result:
        """Judge what only a pass under tracing sees, of a test that is sound as far as is known."""
        growth = dict(settled.growth)
        # Made before: each allocation under tracing is dear.
        closer = runner.close_sampler(trial.heap, trial.settings.track)
        with runner.tracing(1):
            passed = runner.trace(trial, closer)
            if passed is None:
                reason = "growth in place not looked for: the test stops tracemalloc"
                return replace(settled, reason=reason, executions=trial.executions)
            growth.update(dict.fromkeys(passed.series, 0))
            if passed.flat:
                return replace(
                    settled,
                    growth=growth,
                    series={**settled.series, **passed.series},
                    executions=trial.executions,
                )
            confirmed = confirm(trial, closer, passed)
        return self._conclude(trial, closer, confirmed, growth)

    def _conclude(
        self,
        trial: Trial,
        sampler: Sampler,
        confirmed: Confirmed,
        growth: dict[str, float | None],
    ) -> Result:
        for name, judgement in confirmed.judgements.items():
            growth[name] = _tidy(judgement.per_run)
        result = Result(
            verdict="clean", growth=growth, series=confirmed.series, executions=trial.executions
        )
        if confirmed.status == "acquitted":
            return (
                _ended(result, trial) if _grew(confirmed) else replace(result, growth=_flat(growth))
            )
        convicted = {
            name: judgement.per_run
            for name, judgement in confirmed.judgements.items()
            if judgement.status == "convicted"
        }
        if convicted and not convicted.keys() - set(_NATIVE) and runner.toggles_tracing(trial):
            reason = (
                "native bytes grow as tracemalloc stops: CPython loses some for each line traced"
            )
            return replace(result, verdict="clean", reason=reason, executions=trial.executions)
        if not convicted and trial.run_seconds * _TRACED_RUNS > trial.settings.confirm:
            return _decide(result, confirmed, (), trial)
        from pytest_leakguard import diagnosis  # heavy: only for suspects
        from pytest_leakguard.diagnosis.roots import Roots
        from pytest_leakguard.diagnosis.sites import Sources

        self._sources = self._sources or Sources()
        begun = now()
        explained = diagnosis.explain(
            trial,
            Roots(self._extra_roots),
            convicted,
            self._sources,
            runner.grown_containers(sampler),
        )
        last = {name: convicted[name] for name in convicted.keys() - {*_NATIVE, TracedBytes.name}}
        if last and not runner.still_grows(trial, sampler, last):
            return _ended(result, trial)
        moved = confirmed.moved() - {*_NATIVE, TracedBytes.name}
        # What is old may have been dropped before it could be explained.
        took = now() - begun
        if moved and not explained.findings and runner.falls_in_time(trial, sampler, moved, took):
            reason = f"what the runs leave behind is gone {format_duration(took)} later"
            ended = _ended(result, trial)
            return replace(ended, reason=reason)
        found = _wait_for_expiry(trial, sampler, last.keys(), explained.findings)
        found = self._fill(trial, sampler, last, found)
        if explained.traced_bytes_per_run is not None:
            growth["traced_bytes"] = _tidy(explained.traced_bytes_per_run)
        findings, ignored = _exempt(found, trial.settings.ignore)
        result = replace(
            result,
            executions=trial.executions,
            growth=growth,
            findings=findings,
            ignored=ignored,
        )
        return _decide(result, confirmed, found, trial)

    def _fill(
        self,
        trial: Trial,
        sampler: Sampler,
        rates: Mapping[str, float],
        findings: tuple[Finding, ...],
    ) -> tuple[Finding, ...]:
        """Hold holders to the number of items that they state, where time and memory allow.

        Each is filled once: another test that uses it need not show the same again.
        """
        roomy = [finding for finding in findings if finding.room and finding.objects_per_run >= 1]
        new = [finding for finding in roomy if finding.holder not in self._filled]
        if not rates or not new or len(roomy) < len(findings):
            return findings
        self._filled.update(finding.holder for finding in new)
        runs = max(math.ceil(finding.room / finding.objects_per_run) for finding in new)
        if runs * sum(finding.bytes_per_run for finding in findings) > MOST_FILL_BYTES:
            return findings
        if not runner.runs_in_time(trial, runs) or not runner.still_grows(trial, sampler, rates):
            return findings
        return tuple(
            replace(finding.with_bound(""), note=f"has passed its bound: {finding.capacity}")
            for finding in findings
        )


def _hold_to_one_process(result: Result, subject: Subject, settings: Settings) -> Result:
    """Accuse nobody of what may happen in a child only.

    Code that asks in which process it is may do there what it does not do in the first one.
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
        place = runner.asks_for_process(trial)
    result = replace(result, executions=trial.executions)
    if not place:
        return result
    reason = (
        f"grows in a forked child, but {place} asks in which process it is and may do otherwise in"
        " the first one: check this test without --leak-isolate"
    )
    return replace(result, verdict="inconclusive", reason=reason)


def _wait_for_expiry(
    trial: Trial, sampler: Sampler, names: AbstractSet[str], findings: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """Hold holders that drop what is old to what they say, where the time allows.

    A clock that the test has frozen or moves by itself does not pass while it is waited.
    """
    lifetimes = [finding.lifetime for finding in findings if finding.lifetime]
    if not lifetimes or not names or max(lifetimes) > trial.settings.confirm:
        return findings
    if runner.sets_clock(trial) or runner.falls_in_time(trial, sampler, names, max(lifetimes)):
        return findings
    return tuple(
        replace(finding.with_bound(""), note=f"but does not: {finding.capacity}")
        if finding.lifetime
        else finding
        for finding in findings
    )


def _ended(result: Result, trial: Trial) -> Result:
    """Return the verdict on growth that has ended."""
    return replace(
        result,
        verdict="bounded",
        reason=f"growth ended or faded within {trial.executions} executions",
        executions=trial.executions,
        growth=_flat(result.growth),
    )


def _flat(growth: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if per_run is None else 0 for name, per_run in growth.items()}


def _grew(confirmed: Confirmed) -> bool:
    """Tell whether a counter reads more than before the batches, and has never come down.

    What does come down is emptied again and again: how full it is now says nothing.
    """
    return any(
        samples[-1] > samples[0]
        and all(before <= after for before, after in pairwise(samples))
        and all(step >= 0 for step in confirmed.steps.get(name, ()))
        for name, samples in confirmed.series.items()
    )


_BROKEN = "fails on re-run"
#: Counters that code moves as it becomes warm: CPython 3.10 gives each function a cache at its
#: 1,024th call, and keeps a frame for it. Both are for good, and neither is an object.
_OPCODE_CACHED = frozenset({"blocks", *_NATIVE}) if sys.version_info < (3, 11) else frozenset[str]()
#: What tracing a few runs of an undecided test may cost, in untraced runs.
_TRACED_RUNS = 60


def _undisturbed(chosen: tuple[counters.Counter, ...]) -> tuple[counters.Counter, ...]:
    """Leave the native heap out while a tracer is on: it keeps its records there."""
    return _without(chosen, _NATIVE) if tracemalloc.is_tracing() else chosen


def _without(
    chosen: tuple[counters.Counter, ...], names: tuple[str, ...]
) -> tuple[counters.Counter, ...]:
    return tuple(counter for counter in chosen if counter.name not in names)


def _all_names() -> tuple[str, ...]:
    from pytest_leakguard.model import COUNTER_NAMES

    return COUNTER_NAMES


def _tidy(per_run: float) -> float:
    return int(per_run) if per_run == int(per_run) else round(per_run, 2)


def _moved(screened: Screened) -> list[str]:
    return [name for name, steps in screened.steps.items() if any(step > 0 for step in steps)]


def _exempt(
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


def _decide(
    result: Result, confirmed: Confirmed, seen: tuple[Finding, ...], trial: Trial
) -> Result:
    evidence = _evidence(confirmed)
    if seen and not result.findings:
        return replace(result, verdict="clean", reason=f"ignored: {plural(len(seen), 'finding')}")
    if result.findings and all(finding.capacity for finding in result.findings):
        bound = "; ".join(sorted({finding.capacity for finding in result.findings}))
        return replace(result, verdict="bounded", reason=bound, evidence=evidence)
    exact = any(judgement.exact for judgement in confirmed.judgements.values())
    if not exact and not seen and "blocks" in confirmed.moved() <= _OPCODE_CACHED:
        reason = "only code that became warm for CPython 3.10's opcode caches took more blocks"
        return replace(result, verdict="clean", reason=reason, evidence=evidence)
    if confirmed.status == "convicted" and (exact or seen):
        findings = tuple(finding for finding in result.findings if not finding.capacity)
        return replace(result, verdict="leak", findings=findings, evidence=evidence)
    return replace(
        result,
        verdict="inconclusive",
        reason=(
            f"still growing, but not steadily, after {trial.executions} executions in"
            f" {format_duration(now() - trial.started)}; --leak-confirm gives more time"
        ),
        evidence=evidence,
    )


def _evidence(confirmed: Confirmed) -> str:
    for name, judgement in confirmed.judgements.items():
        if judgement.status == "convicted":
            samples = confirmed.series[name]
            grown = [b - a for a, b in pairwise(samples)]
            sizes = ", ".join(map(str, confirmed.sizes))
            amounts = ", ".join(map(str, grown))
            grade = (
                f"exactly {_tidy(judgement.per_run)} per run; no slowing down"
                if judgement.exact
                else f"{_tidy(judgement.per_run)} per run; no slowing down"
            )
            return f"{name}: {sizes} more runs grew by {amounts}: {grade}"
    return ""


@final
class _Callable:
    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function

    def run(self) -> None:
        try:
            self._function()
        except Exception as error:
            raise BrokenRunError(f"{type(error).__qualname__}: {error}") from None


def check(function: Callable[[], object], **settings: object) -> Result:
    """Check whether a callable leaks, without pytest.

    Args:
        function: Called without arguments, again and again; what it returns is dropped.
        **settings: Fields of :class:`Settings`, as a marker takes them:
            ``max_bytes='4 KiB'``, ``confirm='30 s'``.

    Returns:
        The verdict with its evidence and findings.

    Raises:
        InvalidSettingError: A setting is unknown or its value does not fit.
        Exception: Whatever the first call raises.
    """
    parsed = {name: parse_setting(name, value) for name, value in settings.items()}
    begun = now()
    function()
    own_seconds = now() - begun
    checker = Checker()
    try:
        return checker.check(_Callable(function), Settings(**parsed), own_seconds=own_seconds)
    finally:
        checker.close()
