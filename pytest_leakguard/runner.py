"""How is a test run again, until it is flat or a suspect? No judging beyond that.

The stages are the first two of the pipeline: ``screen`` (every checked test) and ``trace`` (a short
traced pass). What they suspect is confirmed in batches, by ``confirmation``.
"""

from __future__ import annotations

import tracemalloc
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from pytest_leakguard import settle
from pytest_leakguard.clock import now
from pytest_leakguard.counters import Counter, consolidate_native, note_reserves
from pytest_leakguard.counters.containers import ContainerItems, containers_among
from pytest_leakguard.counters.threads import count_unknown
from pytest_leakguard.counters.traced import TracedBytes
from pytest_leakguard.evidence import Profile
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import Result
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import NATIVE_COUNTERS, Settings
from pytest_leakguard.tracers import run_unwatched
from pytest_leakguard.units import format_duration
from pytest_leakguard.verdict import is_flat, is_rising, less_allowed

#: Sampled runs after the interpreter was brought to deep rest before a test counts as suspect;
#: leaks of period 2 and 3 have then shown at least two steps.
DEEP_RUNS = 8
#: The same for growth seen only on the native heap: where the allocator's caches are not taken off,
#: they were seen to fill up over 10 to 30 runs after work with random sizes.
NATIVE_DEEP_RUNS = 30
#: How the reason of a verdict begins when a re-run does not pass.
BROKEN = "fails on re-run"
_ENDING = frozenset({"fds", "threads", "children"})
#: Runs that each take so many times longer than the one before, so many in a row and all but one of
#: them: each works on what the last has left, and twice as much of it. A busy machine may make one
#: late. Once the last took so long, the next ones would outlast any patience. Random fluctuation
#: goes up and down; linear growth ends below this factor.
_SLOWER = 1.5
_SLOWER_RUNS = 5
_SLOW_SECONDS = 1.0
#: How often threads are waited for that then turn out to stay: they are an extension's.
_STAYING_THREADS = 3
#: After so many waits in a row for what then stayed, such as threads that each run leaves behind,
#: it is waited for so long only, in seconds.
_VAIN_WAITS, _SHORT_SECONDS = 3, 0.01


class BrokenRunError(Exception):
    """A re-run did not pass; the text says what happened."""


class EverSlowerError(BrokenRunError):
    """Each re-run passed, but took a multiple of the time of the one before."""


class Subject(Protocol):
    """Something that can be run again."""

    def run(self) -> None:
        """Run once.

        Raises:
            BrokenRunError: The run did not pass.
        """
        ...


class Recorder(Protocol):
    """Takes snapshots of the heap around the traced runs of a test."""

    def before(self) -> None:
        """Take one; the runs in question follow."""
        ...

    def after(self, runs: int) -> None:
        """Take another one.

        Args:
            runs: How many there were since the first.
        """
        ...

    def close(self, result: Result) -> Result:
        """Save them if the verdict asks for it, and return the result that tells where."""
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
        recorder: Takes snapshots around traced runs; ``None`` where nobody asks for them.
        durations: How long the last runs themselves took, the last one at the end, in seconds; 0
            where there were not so many.
        unknown_threads: How many threads of the system Python does not know of, and that stay.
        more_threads: How often there were more of them after a run, and these have stayed.
        vain_waits: How often in a row something was waited for that had grown, and has stayed.
    """

    subject: Subject
    settings: Settings
    heap: Heap
    executions: int = 1
    run_seconds: float = field(default_factory=now)  # as long-lived as what it is replaced by
    started: float = field(default_factory=now)
    stretch: int = 1
    recorder: Recorder | None = None
    durations: array[float] = field(default_factory=lambda: array("d", [0.0] * (_SLOWER_RUNS + 1)))
    unknown_threads: int = field(default_factory=count_unknown)
    more_threads: int = 0
    vain_waits: int = 0

    def run(self) -> None:
        """Run the subject once more, and free its garbage.

        Raises:
            BrokenRunError: The run did not pass, or further ones would take ever longer.
        """
        self.executions += 1
        begun = now()
        run_unwatched(self.subject.run)
        self._keep_pace(now() - begun)
        self._see_threads_off()
        self.heap.collect_young()

    def _see_threads_off(self) -> None:
        """Wait until threads that have ended have left the process as well.

        To join a thread is to wait for its end in Python; its stack and its heap are free a little
        later, so that the next thread may use them again or not.
        """
        unknown = count_unknown()
        if unknown > self.unknown_threads and self.more_threads < _STAYING_THREADS:
            settle.until_ended(lambda: count_unknown() > self.unknown_threads)
            unknown = count_unknown()
            self.more_threads += unknown > self.unknown_threads
        self.unknown_threads = unknown

    def _keep_pace(self, seconds: float) -> None:
        taken = self.durations
        taken[:-1] = taken[1:]
        taken[-1] = seconds
        if seconds < _SLOW_SECONDS or not taken[0]:
            return
        slower = sum(later >= earlier * _SLOWER for earlier, later in pairwise(taken))
        if slower >= _SLOWER_RUNS - 1 and seconds >= taken[0] * _SLOWER**_SLOWER_RUNS:
            raise EverSlowerError(
                f"each re-run takes a multiple of the time of the one before: {self.executions}"
                f" executions, {format_duration(seconds)} for the last; make it repeatable: undo in"
                " a tear-down what it changes"
            )

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
            known = self.vain_waits >= _VAIN_WAITS
            seconds = _SHORT_SECONDS if known else settle.ENDING_SECONDS
            settle.until_ended(lambda: sampler.grew(_ENDING), seconds)
            self.vain_waits = self.vain_waits + 1 if sampler.grew(_ENDING) else 0
        note_reserves()
        self.heap.collect()  # also empties the free lists of what looking has left there
        settle.fill_free_lists()
        consolidate_native()


class Profiler(Protocol):
    """Has a leaking test run some more times, to write down what these take."""

    def profile(self, trial: Trial, result: Result) -> Profile:
        """Run the test some more times, and return what was recorded, or why nothing was.

        Args:
            trial: The test's runs.
            result: The verdict, with its findings.
        """
        ...

    def failed(self, why: str) -> Profile:
        """Return that there is none.

        Args:
            why: In words.
        """
        ...


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


@contextmanager
def tracing(frames: int) -> Iterator[None]:
    """Have tracemalloc on inside, with what is allocated from now on and nothing older.

    If the user has it on, it begins anew, and again afterwards: what is older would be taken for
    new, and each look at it would take seconds.

    Args:
        frames: Lines that are kept of each allocation.
    """
    of_user = tracemalloc.get_traceback_limit() if tracemalloc.is_tracing() else 0
    tracemalloc.stop()
    tracemalloc.start(frames)
    try:
        yield
    finally:
        tracemalloc.stop()
        if of_user:
            tracemalloc.start(of_user)


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
