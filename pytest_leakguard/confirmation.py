"""Does growth keep up with the runs? Batches of coprime sizes confirm or acquit a suspect."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_leakguard.clock import now
from pytest_leakguard.runner import Screened, Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import UNITS, Settings
from pytest_leakguard.verdict import Judgement, Status, judge_batches

#: Coprime batch sizes, by what the time allows: the first plan that fits is taken.
BATCH_PLANS: tuple[tuple[int, ...], ...] = ((5, 7, 11, 13), (3, 5, 7), (2, 3, 5), (1, 2, 3))
#: Batches that follow while growth bends or fluctuates and time is left.
FURTHER_BATCHES = (17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)
#: So many are expected among runs that at least one of is to be seen: none come with a
#: probability of 1 in 1,000.
_EVENTS_TO_SHOW = 7
#: The rarest leak with a rhythm that is looked for, in runs.
RAREST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What the batches say, over all counters, beside the steps of the single runs before them.

    Attributes:
        status: What is said of all counters together.
        judgements: What is said of each.
        sizes: Runs in each batch.
        series: The samples, by counter: before the first batch and after each.
        steps: Growth in single runs, by counter, from the screen.
        soaked: The evidence of a soak, in words; empty where there was none.
        rarity: How many times more runs than for growth on each third run it takes until what a
            soak has convicted shows.
    """

    status: Status
    judgements: dict[str, Judgement]
    sizes: tuple[int, ...]
    series: dict[str, tuple[int, ...]]
    steps: dict[str, tuple[int, ...]]
    soaked: str = ""
    rarity: int = 1

    @property
    def is_random(self) -> bool:
        """Whether everything that convicts grows at random."""
        convicted = [said for said in self.judgements.values() if said.status == "convicted"]
        return bool(convicted) and all(said.random for said in convicted)

    @property
    def stretch(self) -> int:
        """How many times more runs than for growth with a rhythm it takes until it shows."""
        if self.soaked:
            return self.rarity
        if not self.is_random:
            return 1
        shown = [
            said.per_run / max(map(abs, self.steps[name]))
            for name, said in self.judgements.items()
            if said.status == "convicted"
        ]
        return stretch_of(min(shown))

    def rates(self, *statuses: Status) -> dict[str, float]:
        """Return the growth per run of the counters that were judged so."""
        return {
            name: said.per_run for name, said in self.judgements.items() if said.status in statuses
        }


def stretch_of(events: float) -> int:
    """Return how many times more runs it takes to see what happens by chance so often per run."""
    return math.ceil(_EVENTS_TO_SHOW / events / RAREST)


def plan_batches(run_seconds: float, budget_seconds: float) -> tuple[int, ...]:
    """Return the sizes of the batches that fit into the budget; the smallest plan if none does."""
    for plan in BATCH_PLANS:
        if sum(plan) * run_seconds <= budget_seconds:
            return plan
    return BATCH_PLANS[-1]


def confirm(trial: Trial, sampler: Sampler, screened: Screened) -> Confirmed:
    """Run in batches of coprime sizes until the growth is confirmed, has ended, or time is up."""
    budget = trial.settings.confirm
    deadline = now() + budget
    plan = plan_batches(trial.run_seconds, budget)
    batches = (*plan, *FURTHER_BATCHES)
    pending = iter(batches)
    done = 0
    sampler.restart()
    trial.run_and_sample(sampler, deep=True, times=0)
    _is_decided(_judge(trial.settings, sampler, screened, ()), len(plan))
    sampler.restart()
    trial.run_and_sample(sampler, deep=True, times=0)
    # Nothing of a batch's judgement may live on: the next sample would count it.
    for size in pending:
        if done and now() + trial.run_seconds * size > deadline:
            break
        trial.run_and_sample(sampler, deep=True, times=size)
        done += 1
        if _is_decided(_judge(trial.settings, sampler, screened, batches[:done]), len(plan)):
            break
    return _judge(trial.settings, sampler, screened, batches[:done])


def _is_decided(confirmed: Confirmed, planned: int) -> bool:
    return confirmed.status == "acquitted" or (
        confirmed.status == "convicted" and len(confirmed.sizes) >= planned
    )


def _judge(
    settings: Settings, sampler: Sampler, screened: Screened, sizes: tuple[int, ...]
) -> Confirmed:
    series = sampler.series()
    judgements = {
        name: judge_batches(
            sizes,
            samples,
            steps=screened.steps.get(name, ()),
            allowed=settings.allowed(name),
            period=settings.runs,
            unit=UNITS.get(name, 1),
        )
        for name, samples in series.items()
        if settings.allowed(name) != float("inf")
    }
    statuses = {judgement.status for judgement in judgements.values()}
    status: Status = "open"
    if "convicted" in statuses:
        status = "convicted"
    elif statuses <= {"acquitted"}:
        status = "acquitted"
    return Confirmed(
        status=status, judgements=judgements, sizes=sizes, series=series, steps=screened.steps
    )
