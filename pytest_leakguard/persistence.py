"""Does growth persist: in further runs, while nothing runs, or beyond its time?

It is asked of what was convicted and explained, before anybody is accused of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from pytest_leakguard.clock import now, wait
from pytest_leakguard.runner import Trial
from pytest_leakguard.sampling import Sampler

#: Runs after the diagnosis, at least, that have to show growth once more: a store that has become
#: full meanwhile does not. A leak on every third run shows one step.
LAST_RUNS = 4
#: So many times more follow where the first ones neither show it nor leave everything as it was:
#: what comes and goes by chance may hide as much as so few runs leave behind.
_FURTHER_RUNS = 4
#: Runs whose leavings have to outweigh what one run and looking at it leave behind.
_STOCK = 8
#: What grows at this share of its rate, at least, while the test does not run, grows by itself:
#: that a thread gets less done beside a census has to be allowed for.
_BACKGROUND_SHARE = 0.25
#: How often it is waited at most for a background to grow as much as runs would have.
_PATIENCE = 4
#: By how much longer than stated it is waited for an end: clocks have ticks.
_LATE = 1.1


def still_grows(trial: Trial, sampler: Sampler, rates: Mapping[str, float]) -> bool:
    """Run some more times and tell whether one of the counters keeps half of its rate at least."""
    return bool(still_growing(trial, sampler, rates))


def still_growing(trial: Trial, sampler: Sampler, rates: Mapping[str, float]) -> set[str]:
    """Run some more times and return the counters that keep half of their rate at least.

    Args:
        trial: What is run.
        sampler: Has the counters.
        rates: Growth per run of those to look at.
    """
    sampler.restart()
    # What was traced before is specialised anew by its first run: that is no growth of the test's.
    trial.run_and_sample(sampler, deep=True)
    sampler.restart()
    trial.run_and_sample(sampler, deep=True, times=0)
    times = _last_runs(trial)
    trial.run_and_sample(sampler, deep=True, times=times)
    growing = _keeping_half(sampler, rates, times)
    further = times * _FURTHER_RUNS
    is_open = not growing and any(
        samples[0] != samples[-1] for name, samples in sampler.columns() if name in rates
    )
    if is_open and further * trial.run_seconds <= trial.settings.confirm:
        trial.run_and_sample(sampler, deep=True, times=further)
        growing = _keeping_half(sampler, rates, times + further)
    # A full store that drops objects which are frozen by now gains those that are counted.
    if "blocks" in rates and "blocks" not in growing:
        growing.discard("gc_objects")
    return growing


def affords(trial: Trial) -> bool:
    """Tell whether there is time to ask whether it still grows."""
    return _last_runs(trial) * trial.run_seconds <= trial.settings.confirm


def _last_runs(trial: Trial) -> int:
    return max(LAST_RUNS, trial.settings.runs + 1) * trial.stretch


def grows_through(
    trial: Trial, sampler: Sampler, rates: Mapping[str, float], runs: int, seconds: float
) -> bool | None:
    """Run so many times, and tell whether one of the counters keeps half of its rate throughout.

    Args:
        trial: What is run.
        sampler: Has the counters.
        rates: Growth per run of those to look at.
        runs: How often.
        seconds: How long that may take.

    Returns:
        ``None`` where the time did not do; not begun where that was to be seen.
    """
    deadline = now() + seconds
    trial.run()
    begun = now()
    trial.run()
    if begun + (now() - begun) * runs > deadline:
        return None
    sampler.restart()
    trial.run_and_sample(sampler, deep=True)
    for _ in range(runs - 1):
        if now() > deadline:
            return None
        trial.run()
    trial.run_and_sample(sampler, deep=True)
    return bool(_keeping_half(sampler, rates, runs))


def _keeping_half(sampler: Sampler, rates: Mapping[str, float], runs: int) -> set[str]:
    """Return the counters that grew by half as much as so many runs should have made them."""
    return {
        name
        for name, samples in sampler.columns()
        if name in rates and samples[-1] - samples[0] >= max(1, int(rates[name] * runs / 2))
    }


def grows_idle(trial: Trial, sampler: Sampler, rates: Mapping[str, float]) -> set[str]:
    """Run nothing for some time, and return the counters that grow as if something had run.

    Args:
        trial: What is not run.
        sampler: Has the counters.
        rates: Growth per run of those to look at.
    """
    slowest = min((rate for rate in rates.values() if rate > 0), default=1.0)
    runs = math.ceil(_STOCK / min(slowest, 1.0))
    sampler.restart()
    trial.run_and_sample(sampler, deep=True, times=0)
    growing: set[str] = set()
    # A loaded machine may let a thread pause; what only runs make grow does not, however long.
    for _ in range(_PATIENCE):
        wait(min(trial.run_seconds * runs, trial.settings.confirm / _PATIENCE))
        trial.run_and_sample(sampler, deep=True, times=0)
        growing = {
            name
            for name, samples in sampler.columns()
            if name in rates and is_background(samples[-1] - samples[0], rates[name] * runs)
        }
        if growing >= rates.keys():
            break
    return growing


def is_background(gained: float, expected: float) -> bool:
    """Tell whether what was gained while nothing ran is a background's own growth.

    Args:
        gained: What was.
        expected: What runs would have gained in the same time.
    """
    return gained > 0 and gained >= expected * _BACKGROUND_SHARE


def falls_in_time(
    trial: Trial, sampler: Sampler, rates: Mapping[str, float], seconds: float
) -> bool:
    """Run, wait, run once more and tell whether one of the counters fell by half of what it grew.

    Args:
        trial: What is run.
        sampler: Has the counters.
        rates: Growth per run of those to look at; without any, nothing is run.
        seconds: How long what was left behind is kept, by what the code says.
    """
    if not rates:
        return False
    sampler.restart()
    trial.run_and_sample(sampler, deep=True, times=_STOCK)
    wait(seconds * _LATE)
    trial.run_and_sample(sampler, deep=True)
    return any(
        samples[0] - samples[-1] >= max(1, int(rates[name] * _STOCK / 2))
        for name, samples in sampler.columns()
        if name in rates
    )
