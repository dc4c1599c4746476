"""Through which stages does one test go? Screen, confirmation, conclusion, and a closer look.

Each stage hands the next one values. All of it happens in the process that runs the test.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import final

from pytest_leakguard import calls, runner
from pytest_leakguard.conclusion import Concluder
from pytest_leakguard.confirmation import confirm
from pytest_leakguard.model import Result, Verdict
from pytest_leakguard.runner import Recorder, Screened, Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import COUNTER_NAMES, Settings
from pytest_leakguard.soak.watching import Watch
from pytest_leakguard.verdict import Status

#: Counters of the pass under tracing.
_CLOSER = frozenset({"traced_bytes", "container_items"})


@final
class Pipeline:
    """Judges tests whose runs and samples are at hand.

    Args:
        concluder: Explains growth that is confirmed, and decides.
    """

    def __init__(self, concluder: Concluder) -> None:
        self._concluder = concluder

    def judge(
        self,
        trial: Trial,
        sampler: Sampler,
        *,
        traced: bool,
        recorder: Recorder | None,
        watch: Watch | None,
    ) -> Result:
        """Judge a test.

        Args:
            trial: Its runs.
            sampler: Has the counters that are read.
            traced: Whether it gets a closer look if it is sound as far as is known.
            recorder: Takes snapshots around traced runs; ``None``: nobody asks for them.
            watch: Sees a soak; ``None``: nobody does.
        """
        trial.recorder = recorder
        closer = traced and _wants_closer(trial.settings)
        if trial.settings.duration is None:
            return self._screen(trial, sampler, closer=closer)
        from pytest_leakguard.soak.ending import Rest, judge

        rest = Rest(
            check=partial(self._screen, trial, sampler, closer=closer),
            look_closer=partial(self._look_closer, trial) if closer else None,
        )
        return judge(trial, sampler, self._concluder, rest, watch)

    def _screen(self, trial: Trial, sampler: Sampler, *, closer: bool) -> Result:
        screened = runner.screen(trial, sampler)
        growth: dict[str, float | None] = dict.fromkeys(COUNTER_NAMES, None)
        growth.update(dict.fromkeys(screened.series, 0))
        confirmed = None if screened.flat else confirm(trial, sampler, screened)
        if confirmed is None:
            settled = Result(
                verdict="clean",
                executions=trial.executions,
                growth=growth,
                series=screened.series,
            )
        else:
            settled = self._concluder.conclude(trial, sampler, confirmed, growth)
        acquitted = confirmed is None or confirmed.status == "acquitted"
        if not closer or not (acquitted or _is_full(settled)):
            return settled
        looked = self._look_closer(trial, settled)
        if settled.findings and looked.verdict in ("clean", "bounded"):
            return replace(settled, executions=looked.executions)
        return looked

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
        return self._concluder.conclude(trial, closer, confirmed, growth)

    def look(self, trial: Trial, sampler: Sampler, *, traced: bool) -> Result:
        """Tell whether anything keeps growing, as batches and a closer look see it."""
        seen = _growth(trial, sampler, runner.screen(trial, sampler))
        if seen == "acquitted" and traced and _wants_closer(trial.settings):
            closer = runner.close_sampler(trial.heap, trial.settings.track)
            with runner.tracing(1):
                seen = _growth(trial, closer, runner.trace(trial, closer))
        if seen == "convicted":
            return Result(verdict="leak", executions=trial.executions)
        reason = ""
        if seen == "open":
            reason = f"still growing, but not steadily, after {trial.executions} executions"
        elif place := calls.asks_for_process(trial):
            reason = f"{place} asks in which process it is"
        verdict: Verdict = "inconclusive" if reason else "clean"
        return Result(verdict=verdict, reason=reason, executions=trial.executions)


def _is_full(settled: Result) -> bool:
    """Tell whether all that has grown has a number of items as its bound."""
    return (
        settled.verdict == "bounded"
        and bool(settled.findings)
        and all(one.bound.room for one in settled.findings)
    )


def _wants_closer(settings: Settings) -> bool:
    return settings.track is None or not _CLOSER.isdisjoint(settings.track)


def _growth(trial: Trial, sampler: Sampler, screened: Screened | None) -> Status:
    """Tell whether what a screen saw goes on; ``None`` stands for one that could not be made."""
    if screened is None or screened.flat:
        return "acquitted"
    return confirm(trial, sampler, screened).status
