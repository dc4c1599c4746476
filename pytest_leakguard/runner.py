"""How is a test run again, and how are samples taken? No judging beyond "flat or not".

The stages are those of the pipeline: ``screen`` (every checked test), ``trace`` (a short traced
pass) and ``confirm`` (suspects).
"""

from __future__ import annotations

import sys
import tracemalloc
from _tracemalloc import stop as _stop_tracing  # what the public function calls
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal, Protocol

from pytest_leakguard import settle
from pytest_leakguard.clock import now
from pytest_leakguard.counters import Counter, consolidate_native
from pytest_leakguard.counters.traced import TracedBytes
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import Settings
from pytest_leakguard.verdict import Judgement, is_flat, is_rising, judge_batches, less_allowed

#: Coprime batch sizes, by what the time allows: the first plan that fits is taken.
BATCH_PLANS: tuple[tuple[int, ...], ...] = ((5, 7, 11, 13), (3, 5, 7), (2, 3, 5), (1, 2, 3))
#: Batches that follow while growth bends or fluctuates and time is left.
FURTHER_BATCHES = (17, 19, 23, 29, 31, 37)
#: Sampled runs after the interpreter was brought to deep rest before a test counts as suspect;
#: leaks of period 2 and 3 have then shown at least two steps.
DEEP_RUNS = 8
#: The same for growth seen only on the native heap: after work with random sizes the allocator's
#: thread caches were seen to fill up over 10 to 30 runs.
NATIVE_DEEP_RUNS = 30
_CAPACITY = 512
_ENDING = frozenset({"fds", "threads"})
_NATIVE = frozenset({"native_bytes", "mapped_bytes"})
#: The least that one retained thing adds to a counter: glibc's chunks are multiples of 16 bytes,
#: mappings of a page.
_UNITS = {"native_bytes": 16, "mapped_bytes": 4096}


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


class Sampler:
    """Samples of several counters, kept in preallocated arrays so that keeping costs nothing."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        self.counters = tuple(counters)
        self._columns = tuple(array("q", bytes(8 * _CAPACITY)) for _ in self.counters)
        self._pairs = tuple(zip(self.counters, self._columns, strict=True))
        self._runs = array("q", bytes(8 * _CAPACITY))
        self._taken = 0

    def restart(self) -> None:
        """Forget all samples: the next one is a new baseline."""
        self._taken = 0

    def take(self, runs_done: int) -> None:
        """Read every counter once.

        Args:
            runs_done: Executions of the test so far.
        """
        index = self._taken
        self._runs[index] = runs_done
        for counter, column in self._pairs:
            column[index] = counter.read()
        self._taken = index + 1

    def runs(self) -> array[int]:
        """Return how many executions had been done at each sample."""
        return self._runs[: self._taken]

    def columns(self) -> Iterator[tuple[str, array[int]]]:
        """Yield each counter's name and its samples so far.

        Arrays, because tuples and lists that are dropped go to the interpreter's free lists, one
        for each length, and would count as blocks in use.
        """
        for counter, column in self._pairs:
            yield counter.name, column[: self._taken]

    def series(self) -> dict[str, tuple[int, ...]]:
        """Return the samples so far, by counter name."""
        return {
            counter.name: tuple(column[: self._taken]) for counter, column in self._pairs
        }

    def grew(self, names: frozenset[str]) -> bool:
        """Tell whether one of the named counters now reads more than at its last sample."""
        last = max(self._taken - 1, 0)  # before the first sample: read as later, and say no
        more = any(
            counter.name in names and counter.read() > column[last]
            for counter, column in self._pairs
        )
        return more and self._taken > 0


@dataclass(slots=True, kw_only=True)
class Trial:
    """One test's re-runs: what runs, under which settings, and what that has cost so far.

    Attributes:
        subject: What is run.
        settings: How it is checked.
        heap: The heap that the runs see.
        executions: Runs so far, the user's own included.
        run_seconds: How long the last run took, settling included, in seconds.
    """

    subject: Subject
    settings: Settings
    heap: Heap
    executions: int = 1
    run_seconds: float = field(default_factory=now)  # as long-lived as what it is replaced by
    started: float = field(default_factory=now)

    def run(self) -> None:
        """Run the subject once more."""
        self.executions += 1
        self.subject.run()

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
        self.heap.collect_all()  # also empties the free lists of what looking has left there
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
    steps = {
        name: tuple(b - a for a, b in zip(samples, samples[1:], strict=False))
        for name, samples in series.items()
    }
    return Screened(flat=flat, series=series, steps=steps)


def screen(trial: Trial, sampler: Sampler) -> Screened:
    """Run until every retained floor has been flat long enough, or something keeps growing.

    The first rise turns to deep rest, and a new baseline: what then still rises is the test's own.
    """
    settings = trial.settings
    for _ in range(settings.warmup - 1):
        trial.run()
    trial.run_and_sample(sampler, deep=False)
    while not _all_flat(sampler, settings):
        trial.run_and_sample(sampler, deep=False)
        if _has_risen(sampler, settings):
            break
    else:
        return _screened(sampler, flat=True)
    return _screen_deeply(trial, sampler)


def warm_up(trial: Trial, sampler: Sampler) -> None:
    """Take every path of the measurer once: what lives on from it is then older than the samples."""
    for done in range(trial.settings.runs + 1):
        trial.run_and_sample(sampler, deep=False, times=0)
        _all_flat(sampler, trial.settings)
        _has_risen(sampler, trial.settings)
        _is_suspect(sampler, trial.settings, done, in_time=True)
    sampler.restart()


def _has_risen(sampler: Sampler, settings: Settings) -> bool:
    return any(is_rising(samples, 1) for samples in _excess(sampler, settings).values())


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
    if done < settings.runs or (moving <= _NATIVE and in_time):
        return False
    rising = any(is_rising(excess[name], settings.runs) for name in moving - _NATIVE)
    return rising or done >= max(DEEP_RUNS, settings.runs)


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


def toggles_tracing(trial: Trial) -> bool:
    """Run once more and tell whether the test itself stops tracemalloc.

    CPython before 3.13 loses some 33 native bytes for each line traced whenever that happens.
    """
    stopped = False

    def watch(frame: FrameType, event: str, called: Any) -> None:
        nonlocal stopped
        del frame
        if event == "c_call" and called is _stop_tracing:
            stopped = True

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        trial.run()
    finally:
        sys.setprofile(before)
    return stopped


def traced_sampler() -> Sampler:
    """Return a sampler of traced memory, the one counter that is right while tracing."""
    return Sampler([TracedBytes()])


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What the batches say, over all counters."""

    status: Literal["acquitted", "convicted", "open"]
    judgements: dict[str, Judgement]
    sizes: tuple[int, ...]
    series: dict[str, tuple[int, ...]]


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
            unit=_UNITS.get(name, 1),
        )
        for name, samples in series.items()
        if settings.allowed(name) != float("inf")
    }
    statuses = {judgement.status for judgement in judgements.values()}
    status: Literal["acquitted", "convicted", "open"] = "open"
    if "convicted" in statuses:
        status = "convicted"
    elif statuses <= {"acquitted"}:
        status = "acquitted"
    return Confirmed(
        status=status, judgements=judgements, sizes=sizes, series=series
    )
