"""How is a test run again, until it is flat or a suspect? No judging beyond that.

The stages are the first two of the pipeline: ``screen`` (every checked test) and ``trace`` (a short
traced pass). What they suspect is confirmed in batches, by ``confirmation``.
"""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from pytest_leakguard import settle
from pytest_leakguard.clock import now, wait
from pytest_leakguard.counters import Counter, consolidate_native
from pytest_leakguard.counters.containers import ContainerItems, containers_among
from pytest_leakguard.counters.traced import TracedBytes
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import NATIVE_COUNTERS, Settings
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.verdict import is_flat, is_rising, less_allowed

#: Sampled runs after the interpreter was brought to deep rest before a test counts as suspect;
#: leaks of period 2 and 3 have then shown at least two steps.
DEEP_RUNS = 8
#: The same for growth seen only on the native heap: where the allocator's caches are not taken off,
#: they were seen to fill up over 10 to 30 runs after work with random sizes.
NATIVE_DEEP_RUNS = 30
#: Runs after the diagnosis, at least, that have to show growth once more: a store that has become
#: full meanwhile does not. A leak on every third run shows one step.
LAST_RUNS = 4
#: Runs whose leavings have to outweigh what one run and looking at it leave behind.
_STOCK = 8
#: What grows at this share of its rate, at least, while the test does not run, grows by itself:
#: that a thread gets less done beside a census has to be allowed for.
_BACKGROUND_SHARE = 0.25
#: How often it is waited at most for a background to grow as much as runs would have.
_PATIENCE = 4
#: By how much longer than stated it is waited for an end: clocks have ticks.
_LATE = 1.1
_ENDING = frozenset({"fds", "threads", "children"})


class BrokenRunError(Exception):
    """A re-run did not pass; the text says what happened."""


class Subject(Protocol):
    """Something that can be run again."""

    def run(self) -> None:
        """Run once.

        Raises:
            BrokenRunError: The run did not pass.
        """
        ...


@dataclass(slots=True, kw_only=True)
class Trial:
    """One test's re-runs: what runs, under which settings, and what that has cost so far.

    Attributes:
        subject: What is run.
        settings: How it is checked.
        heap: The heap that the runs see.
        executions: Runs so far, the user's own included.
        run_seconds: How long the last run took, settling included, in seconds.
        stretch: How many times more runs it takes for growth to show than where it keeps a rhythm.
    """

    subject: Subject
    settings: Settings
    heap: Heap
    executions: int = 1
    run_seconds: float = field(default_factory=now)  # as long-lived as what it is replaced by
    started: float = field(default_factory=now)
    stretch: int = 1

    def run(self) -> None:
        """Run the subject once more, and free its garbage."""
        self.executions += 1
        self.subject.run()
        self.heap.collect_young()

    def run_and_sample(self, sampler: Sampler, *, deep: bool, times: int = 1) -> None:
        """Run, bring the interpreter to rest and take a sample.

        Args:
            sampler: Takes the sample.
            deep: How far the interpreter is brought to rest.
            times: How often to run; 0 takes a baseline, in frames like those of later samples.
        """
        begun = now()
        for _ in range(times):
            self.run()
        self.rest(sampler, deep=deep)
        sampler.take(self.executions)
        if times:
            self.run_seconds = (now() - begun) / times

    def rest(self, sampler: Sampler, *, deep: bool) -> None:
        """Bring the interpreter to rest; waits for things just ending only if something grew."""
        if not deep:
            settle.lightly(self.heap)
            return
        settle.deeply(self.heap)
        if sampler.grew(_ENDING):
            settle.until_ended(lambda: sampler.grew(_ENDING))
        self.heap.collect()  # also empties the free lists of what looking has left there
        settle.fill_free_lists()
        consolidate_native()


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What the screen saw: flat, or what moved and by how much in single runs."""

    flat: bool
    series: dict[str, tuple[int, ...]]
    steps: dict[str, tuple[int, ...]]


def _excess(sampler: Sampler, settings: Settings) -> dict[str, Sequence[float]]:
    runs = sampler.runs()
    judged: dict[str, Sequence[float]] = {}
    for name, samples in sampler.columns():
        allowed = settings.allowed(name)
        if allowed == 0:
            judged[name] = samples
        elif allowed != float("inf"):
            judged[name] = less_allowed(samples, runs, allowed)
    return judged


def _all_flat(sampler: Sampler, settings: Settings) -> bool:
    return all(is_flat(samples, settings.runs) for samples in _excess(sampler, settings).values())


def _screened(sampler: Sampler, *, flat: bool) -> Screened:
    series = sampler.series()
    steps = {name: tuple(b - a for a, b in pairwise(samples)) for name, samples in series.items()}
    return Screened(flat=flat, series=series, steps=steps)


def screen(trial: Trial, sampler: Sampler) -> Screened:
    """Run until every retained floor has been flat long enough, or something keeps growing.

    A sound test needs two samples, with all its runs between them: readings cost time that grows
    with the heap. Where they differ, each further run is followed by a sample, at deep rest and
    from a new baseline on: what then still rises is the test's own.
    """
    trial.run_and_sample(sampler, deep=False, times=trial.settings.warmup)
    trial.run_and_sample(sampler, deep=False, times=trial.settings.runs)
    if _is_unmoved(sampler, trial.settings):
        return _screened(sampler, flat=True)
    return _screen_deeply(trial, sampler)


def warm_up(trial: Trial, sampler: Sampler) -> None:
    """Take every path of the measurer once: what lives on from it is older than the samples."""
    for done in range(trial.settings.runs + 1):
        trial.run_and_sample(sampler, deep=False, times=0)
        _is_unmoved(sampler, trial.settings)
        _all_flat(sampler, trial.settings)
        _is_suspect(sampler, trial.settings, done, in_time=True)
    sampler.restart()


def _is_unmoved(sampler: Sampler, settings: Settings) -> bool:
    """Tell whether the last sample is that of the baseline.

    A counter that reads less is a reason to look closer as well: what was let go may hide what was
    retained. Only the native heap falls by itself.
    """
    return all(
        samples[-1] <= samples[0]
        if name in NATIVE_COUNTERS or settings.allowed(name)
        else samples[-1] == samples[0]
        for name, samples in _excess(sampler, settings).items()
    )


def _screen_deeply(trial: Trial, sampler: Sampler) -> Screened:
    """Take a new baseline at deep rest, without running, and go on from there."""
    deadline = now() + trial.settings.confirm
    counting = iter(range(1, NATIVE_DEEP_RUNS + 1))
    sampler.restart()
    trial.run_and_sample(sampler, deep=True, times=0)
    for done in counting:
        trial.run_and_sample(sampler, deep=True)
        if _all_flat(sampler, trial.settings):
            return _screened(sampler, flat=True)
        if _is_suspect(sampler, trial.settings, done, in_time=now() < deadline):
            break
    return _screened(sampler, flat=False)


def _is_suspect(sampler: Sampler, settings: Settings, done: int, *, in_time: bool) -> bool:
    """Tell whether the screen has seen enough of what keeps moving.

    Leaves nothing behind: whatever lived on until the next sample would be counted by it.
    """
    excess = _excess(sampler, settings)
    moving = {name for name, samples in excess.items() if not is_flat(samples, settings.runs)}
    if done < settings.runs or not in_time:
        return not in_time and done >= settings.runs
    if moving <= NATIVE_COUNTERS:
        return False
    rising = any(is_rising(excess[name], settings.runs) for name in moving - NATIVE_COUNTERS)
    return rising or done >= max(DEEP_RUNS, settings.runs)


def still_grows(trial: Trial, sampler: Sampler, rates: Mapping[str, float]) -> bool:
    """Run some more times and tell whether one of the counters keeps half of its rate at least.

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
    times = max(LAST_RUNS, trial.settings.runs + 1) * trial.stretch
    trial.run_and_sample(sampler, deep=True, times=times)
    growing = _keeping_half(sampler, rates, times)
    # A full store that drops objects which are frozen by now gains those that are counted.
    if "blocks" in rates and "blocks" not in growing:
        growing.discard("gc_objects")
    return bool(growing)


def grows_through(
    trial: Trial, sampler: Sampler, rates: Mapping[str, float], runs: int
) -> bool | None:
    """Run so many times, and tell whether one of the counters keeps half of its rate throughout.

    Args:
        trial: What is run.
        sampler: Has the counters.
        rates: Growth per run of those to look at.
        runs: How often.

    Returns:
        ``None`` where the time did not do; not begun where that was to be seen.
    """
    deadline = now() + trial.settings.confirm
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


@contextmanager
def tracing(frames: int) -> Iterator[bool]:
    """Have tracemalloc on inside; yields whether it is ours.

    A tracer that the user started is left as it is.
    """
    ours = not tracemalloc.is_tracing()
    if ours:
        tracemalloc.start(frames)
    try:
        yield ours
    finally:
        if ours and tracemalloc.is_tracing():
            tracemalloc.stop()


def close_sampler(heap: Heap, track: tuple[str, ...] | None) -> Sampler:
    """Return a sampler of what only a closer look sees, for a pass of a few runs under tracing.

    Args:
        heap: Whose containers are looked at.
        track: Names to restrict the choice to; ``None`` for all.
    """
    chosen: list[Counter] = []
    if track is None or ContainerItems.name in track:
        chosen.append(ContainerItems(containers_among(heap.objects())))
    # Later, since what it keeps are dictionaries.
    if track is None or TracedBytes.name in track:
        chosen.append(TracedBytes())
    return Sampler(chosen)


def grown_containers(sampler: Sampler) -> list[tuple[object, int]]:
    """Return the containers that have gained items, those that gained most first."""
    return [
        entry
        for counter in sampler.counters
        if isinstance(counter, ContainerItems)
        for entry in counter.grown()
    ]


def trace(trial: Trial, sampler: Sampler) -> Screened | None:
    """Run a few times while tracing, which sees what grows in place inside one small block.

    Returns:
        What was seen; ``None`` when the test itself switches tracing off.
    """
    # Free lists filled before would let untraced memory be exchanged for traced, bit by bit.
    trial.rest(sampler, deep=True)
    for _ in range(trial.settings.runs + 1):
        trial.run()
        if not tracemalloc.is_tracing():
            return None
        settle.lightly(trial.heap)
        sampler.take(trial.executions)
    if _all_flat(sampler, trial.settings):
        return _screened(sampler, flat=True)
    return _screen_deeply(trial, sampler)
