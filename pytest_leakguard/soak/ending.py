"""What follows from a soak? A leak is explained as any other; what it cannot tell is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import final

from pytest_leakguard.conclusion import Concluder
from pytest_leakguard.confirmation import RAREST, Confirmed, stretch_of
from pytest_leakguard.decision import ended, tidy, warmth
from pytest_leakguard.evidence import Soak, SoakEnd, Trend
from pytest_leakguard.model import Result, Verdict
from pytest_leakguard.reports.soaks import slopes_text
from pytest_leakguard.runner import BROKEN, BrokenRunError, Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import COUNTER_NAMES, NATIVE_COUNTERS
from pytest_leakguard.soak.judging import LEAST_SAMPLES, Seen
from pytest_leakguard.soak.running import Soaking
from pytest_leakguard.soak.watching import Watch
from pytest_leakguard.units import plural
from pytest_leakguard.verdict import Judgement, Status

#: Runs after which one that fails is told with the soak's trend. Before, it is a test that cannot
#: be run again, for which there are other remedies.
LONG_RUNS = 100
_LONGER = "a longer soak decides it"
#: What is not flat.
_RISING = frozenset({"growing", "unclear"})
_STATUSES: Mapping[str, Status] = {
    "flat": "acquitted",
    "ended": "acquitted",
    "unclear": "open",
    "growing": "convicted",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is done with a test beside soaking it.

    Attributes:
        check: Judges it as if it was not soaked: where it was run too few times for a trend.
        look_closer: Judges by tracing what has turned out sound; ``None`` if that is not wanted.
    """

    check: Callable[[], Result]
    look_closer: Callable[[Result], Result] | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Over:
    """A soak that has ended, or a part of one."""

    soak: Soak
    seen: Mapping[str, Seen]
    series: Mapping[str, tuple[int, ...]]
    batches: tuple[int, ...]
    executions: int

    @classmethod
    def of(cls, soaking: Soaking, sampler: Sampler, ended: SoakEnd) -> _Over:
        """Return what a soak shows that has just ended."""
        seen = soaking.seen()
        return cls(
            soak=soaking.told(ended, seen),
            seen=seen,
            series=sampler.series(),
            batches=soaking.batches(),
            executions=soaking.trial.executions,
        )

    @property
    def growing(self) -> dict[str, Trend]:
        return {name: self.soak.trends[name] for name in self.soak.growing}

    @property
    def unclear(self) -> dict[str, Trend]:
        return {
            name: self.soak.trends[name]
            for name, one in self.seen.items()
            if one.outlook == "unclear"
        }

    @property
    def growth(self) -> dict[str, float | None]:
        """Growth per run of each counter; ``None`` for one that was not read."""
        rates: dict[str, float | None] = dict.fromkeys(COUNTER_NAMES, None)
        for name, one in self.seen.items():
            rates[name] = tidy(one.slope.value) if one.outlook in _RISING else 0
        return rates

    @property
    def is_short(self) -> bool:
        """Whether there are too few samples for a trend."""
        return len(self.batches) < 2 * LEAST_SAMPLES

    @property
    def is_still(self) -> bool:
        """Whether nothing moves in the later half, native memory aside."""
        halves = [
            samples[len(samples) // 2 :]
            for name, samples in self.series.items()
            if name not in NATIVE_COUNTERS
        ]
        return all(len(set(half)) <= 1 for half in halves)

    def beside(self, result: Result) -> Result:
        """Return a result with what the soak shows: its samples are far more than others."""
        return replace(result, soak=self.soak, series=self.series, batches=self.batches)

    def result(self, verdict: Verdict, reason: str = "", *, evidence: str = "") -> Result:
        """Return the result that it has by itself."""
        return self.beside(
            Result(
                verdict=verdict,
                reason=reason,
                executions=self.executions,
                growth=self.growth,
                evidence=evidence,
            )
        )


def judge(
    trial: Trial, sampler: Sampler, concluder: Concluder, rest: Rest, watch: Watch | None
) -> Result:
    """Soak a test and judge it.

    Args:
        trial: What is run; its settings have a duration.
        sampler: Takes the samples.
        concluder: Explains what grows.
        rest: What else is done with the test.
        watch: Sees the soak; ``None``: nobody does, and what interrupts it is raised.

    Raises:
        BrokenRunError: One of the first runs did not pass, or one after the soak.
    """
    watch = watch or Watch(stops=())
    soaking = Soaking(trial, sampler, trial.settings.duration or 0.0, watch.stops)
    watch.begins(soaking.line)
    result = _judge(soaking, sampler, concluder, rest)
    if soaking.interrupt is not None:
        watch.stopped(soaking.interrupt)
    return result


def _judge(soaking: Soaking, sampler: Sampler, concluder: Concluder, rest: Rest) -> Result:
    looked_for = False
    while True:
        try:
            over = _Over.of(soaking, sampler, soaking.run(to_the_end=looked_for))
        except BrokenRunError as broken:
            if soaking.runs < LONG_RUNS:
                raise
            return _broken(_Over.of(soaking, sampler, "broken"), str(broken))
        if over.soak.ended == "interrupt":
            return _interrupted(over)
        if not over.growing:
            return _without_growth(soaking, over, rest)
        looked_for = True
        result = _explained(soaking, sampler, concluder, over)
        if result.verdict == "leak" or (result.verdict == "bounded" and result.findings):
            return result
        if soaking.left <= 0 or soaking.interrupt is not None:
            return _undecided(over, result)


def _broken(over: _Over, why: str) -> Result:
    reason = f"{BROKEN} (execution {over.executions}): {why}"
    if over.growing:
        reason += f"; until then {_rising_text(over)}"
    return over.result("inconclusive", reason)


def _interrupted(over: _Over) -> Result:
    """Return what is known of a soak that the user has ended; nothing is run any more."""
    reason = f"interrupted after {plural(over.soak.runs, 'run')}: "
    if over.growing:
        reason += f"{_rising_text(over)}; who holds it was not looked for"
        return over.result("leak", reason)
    so_far = "flat so far" if over.seen else "that is too few to tell"
    so_far = slopes_text(over.unclear) if over.unclear else so_far
    return over.result("inconclusive", reason + so_far)


def _without_growth(soaking: Soaking, over: _Over, rest: Rest) -> Result:
    """Return the verdict on a test of which nothing certainly grows."""
    try:
        return _settled(soaking.trial, over, rest)
    except soaking.stops as interrupt:
        soaking.interrupt = interrupt
        return _interrupted(over)


def _settled(trial: Trial, over: _Over, rest: Rest) -> Result:
    if over.is_short:
        return over.beside(rest.check())
    settled = over.result("clean")
    moving = {name for name, one in over.seen.items() if one.outlook != "flat"}
    if reason := warmth(moving, over.soak.runs if over.unclear else 0):
        return replace(settled, reason=reason)
    if over.unclear:
        reason = (
            f"no certain trend in {plural(over.soak.runs, 'run')}: {slopes_text(over.unclear)},"
            f" but it has slowed down, come down or risen only a few times; {_LONGER}"
        )
        return over.result("inconclusive", reason)
    if any(one.outlook == "ended" for one in over.seen.values()):
        settled = ended(settled, trial)
    # What goes up and down would seem to grow in the few runs of a closer look.
    if rest.look_closer is None or not over.is_still:
        return settled
    return over.beside(rest.look_closer(settled))


def _undecided(over: _Over, result: Result) -> Result:
    """Return the verdict on growth that was not to be seen any more when it was looked for."""
    if result.verdict == "inconclusive":
        return result
    reason = (
        f"{_rising_text(over)} in {plural(over.soak.runs, 'run')}, but not in those that followed;"
        f" {_LONGER}"
    )
    return replace(result, verdict="inconclusive", reason=reason, growth=over.growth)


def _explained(soaking: Soaking, sampler: Sampler, concluder: Concluder, over: _Over) -> Result:
    """Return the verdict on growth that goes on, with who holds it if that can be found."""
    least = min(one.events for one in over.seen.values() if one.outlook == "growing")
    result = over.result("leak", evidence=_evidence(over))
    try:
        # More runs take more time, and are needed only where a rise is made of several events.
        for events in (soaking.events(over.seen), least):
            result = concluder.conclude(
                soaking.trial, sampler, _confirmed(over, events), over.growth
            )
            if result.findings or result.verdict != "leak":
                break
    except soaking.stops as interrupt:
        soaking.interrupt = interrupt
        return _interrupted(over)
    except BrokenRunError as broken:
        evidence = f"{result.evidence}; who holds it was not found: a run failed: {broken}"
        result = replace(result, evidence=evidence)
    return over.beside(result)


def _confirmed(over: _Over, events: float) -> Confirmed:
    """Put what a soak shows as batches of runs would.

    Args:
        over: The soak.
        events: How often per run something is left behind, above 0.
    """
    return Confirmed(
        status="convicted",
        judgements={
            name: Judgement(
                status=_STATUSES[one.outlook],
                exact=one.exact,
                per_run=one.slope.value if one.outlook in _RISING else 0.0,
                random=not one.regular,
            )
            for name, one in over.seen.items()
        },
        sizes=over.batches,
        series=dict(over.series),
        steps={},
        soaked=_evidence(over),
        rarity=1 if events * RAREST >= 1 else stretch_of(events),
    )


def _evidence(over: _Over) -> str:
    rising = (
        "exactly the same on each run" if over.soak.is_exact else "in every part of its later half"
    )
    return f"{plural(over.soak.runs, 'run')} of a soak: {_rising_text(over)}, {rising}"


def _rising_text(over: _Over) -> str:
    """Name what grows: the trend of the first counter, and the others."""
    first, *others = over.growing.items()
    text = slopes_text(dict([first]))
    return f"{text}, like {', '.join(name for name, _ in others)}" if others else text
