"""How is a test run again for a given time, so that the soak itself keeps memory flat?

Batches of runs with a sample at rest after each. Samples lie in the sampler's preallocated arrays:
when there are many, every second one goes and batches become twice as large. Numbers that change
while runs go on lie in arrays too, since a number above 256 is a block of memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, repeat
from typing import final

from pytest_leakguard.clock import now
from pytest_leakguard.evidence import Soak, SoakEnd, Trend
from pytest_leakguard.runner import Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import NATIVE_COUNTERS, UNITS
from pytest_leakguard.soak.judging import Seen, certain, look, slope_of
from pytest_leakguard.tracers import run_unwatched
from pytest_leakguard.units import format_number, format_slope, format_span

#: Samples that are kept at most. Whatever their number, the shape of the curve is; the time for a
#: trend grows with its square.
MOST_SAMPLES = 257
#: Growth is certain, before the time is over, that has lasted for so many runs: the bounded caches
#: that were seen in real suites have room for 4,096 entries at most.
CERTAIN_RUNS = 5_000
#: And at least for this share of the time.
CERTAIN_SHARE = 0.1
#: By how much a counter may rise before the soak ends, whatever is certain by then: what runs out
#: would break the test, or the machine.
ROOM = {
    "gc_objects": 5_000_000,
    "blocks": 5_000_000,
    "native_bytes": 512 << 20,
    "mapped_bytes": 4 << 30,
    "fds": 128,
    "threads": 128,
    "tasks": 10_000,
    "children": 64,
    "temp_files": 2_000,
    "container_items": 20_000_000,
}
#: Where sampling takes longer than running, batches are enlarged, to this share of the runs so far
#: at most: the later half of the series has twice as many samples then as a trend needs.
_LARGEST_SHARE = 1 / 64
_GOLDEN = (5**0.5 - 1) / 2
#: How often the slope is worked out that is shown, in seconds, and of how many points.
_SLOPE_SECONDS, _SLOPE_POINTS = 1.0, 24
_RUNS, _BATCH, _LATEST, _FIRST, _UNDER_WAY, _TAKEN = range(6)
_BEGAN, _ENDED, _SAMPLED, _LOOKED, _SLOPE = range(5)


def spread(batch: int, number: int) -> int:
    """Return how many runs a batch has, around a mean that all have: never the same for long.

    At equal distances, what is emptied on every 1,023rd run would look from 1,024 to 1,024 as if it
    grew by one each time. The parts of multiples of the golden ratio are spread most evenly.

    Args:
        batch: Runs in the mean; 0 gives 0.
        number: Which batch it is.
    """
    return max(batch + int(batch * (number * _GOLDEN % 1 - 0.5)), min(batch, 1))


@final
class Soaking:
    """A soak under way.

    Args:
        trial: What is run.
        sampler: Takes the samples.
        duration: How long it may take, in seconds.
        stops: Exceptions by which a user ends it before its time.
        clock: Tells the time, in seconds.

    Attributes:
        trial: As given.
        stops: As given.
        interrupt: What has interrupted it; ``None`` if nothing has.
    """

    def __init__(
        self,
        trial: Trial,
        sampler: Sampler,
        duration: float,
        stops: tuple[type[BaseException], ...],
        clock: Callable[[], float] = now,
    ) -> None:
        self._now = clock
        self.trial = trial
        self._sampler = sampler
        self._duration = duration
        self.stops = stops
        self._executions = trial.executions
        self._counts = array("q", [0, 1, 0, 0, 0, 0])
        self._least = array("q", bytes(8 * len(sampler.counters)))
        self._times = array("d", [self._now(), 0.0, 0.0, float("-inf"), 0.0])
        self._growing = array("q", [-1])
        self._is_over = self._to_the_end = False
        self.interrupt: BaseException | None = None

    @property
    def runs(self) -> int:
        """How often the test has run to its end since the soak began."""
        return self._counts[_RUNS]

    @property
    def left(self) -> float:
        """Time that is left, in seconds; negative once it is over."""
        return self._times[_BEGAN] + self._duration - self._now()

    def run(self, *, to_the_end: bool = False) -> SoakEnd:
        """Run and sample until the time is over, growth is certain, or something ends it.

        Called again, it begins a new series, and goes on in the time that is left.

        Args:
            to_the_end: Growth that is certain does not end it.

        Raises:
            BrokenRunError: A run did not pass.
        """
        self._is_over = False
        self._to_the_end = to_the_end
        try:
            self._begin()
            while (ended := self._end()) is None:
                self._run_batch()
        except self.stops as interrupt:
            self.interrupt = interrupt
            return "interrupt"
        else:
            return ended
        finally:
            self.trial.executions = self._executions + self.runs + self._counts[_UNDER_WAY]
            self._times[_ENDED] = self._now()
            self._is_over = True

    def _begin(self) -> None:
        """Warm up, and take a baseline in the same frames as all later samples."""
        trial, sampler = self.trial, self._sampler
        sampler.restart()
        for _ in repeat(None, trial.settings.warmup):
            self._run_once()
        for _ in range(2):  # the first warms up what looking needs
            sampler.restart()
            self._counts[_BATCH] = 0
            self._run_batch()
            self._end()
        self._counts[_BATCH] = 1
        self._counts[_FIRST] = self.runs
        for index in range(len(self._least)):
            self._least[index] = 0

    def _run_once(self) -> None:
        self._counts[_UNDER_WAY] = 1
        run_unwatched(self.trial.subject.run)
        self._counts[_UNDER_WAY] = 0
        self._counts[_RUNS] += 1
        self.trial.heap.collect_young()

    def _run_batch(self) -> None:
        """Run a batch and sample; one of none is a baseline in the frames of later samples."""
        begun = self._now()
        over = self._times[_BEGAN] + self._duration
        for _ in repeat(None, spread(self._counts[_BATCH], self._counts[_TAKEN])):
            self._run_once()
            if self._now() > over:
                break
        ran = self._now()
        self.trial.run_seconds = (ran - begun) / max(self.runs - self._counts[_LATEST], 1)
        self._sample()
        if self._sampler.taken >= MOST_SAMPLES:
            self._sampler.thin()
            self._counts[_BATCH] *= 2
        elif (
            self._now() - ran > ran - begun
            and self._counts[_BATCH] * 2 <= (self.runs - self._counts[_FIRST]) * _LARGEST_SHARE
        ):
            self._counts[_BATCH] *= 2

    def _sample(self) -> None:
        self.trial.rest(self._sampler, deep=True)
        self._sampler.number(self.runs)
        self._sampler.read()
        self._counts[_LATEST] = self.runs
        self._counts[_TAKEN] += 1
        for index, (_, samples) in enumerate(self._sampler.columns()):
            rise = samples[-1] - samples[-2] if len(samples) > 1 else 0
            if rise > 0 and not 0 < self._least[index] <= rise:
                self._least[index] = rise

    def _end(self) -> SoakEnd | None:
        """Tell what ends the soak now, if anything does; nothing of the answer may live on."""
        left = self.left
        if left <= 0:
            return "time"
        runs = self._sampler.runs()
        has_lasted = 1 - left / self._duration >= CERTAIN_SHARE
        is_long = has_lasted and runs[-1] - runs[0] >= CERTAIN_RUNS and not self._to_the_end
        for name, samples in self._sampler.columns():
            if samples[-1] > samples[0]:
                if is_long and self._certain(name, runs, samples) is not None:
                    return "certain"
                if samples[-1] - samples[0] >= ROOM.get(name, float("inf")):
                    return "room"
        return None

    def _certain(self, name: str, runs: Sequence[int], samples: Sequence[int]) -> Seen | None:
        allowed = self.trial.settings.allowed(name)
        if allowed == float("inf"):
            return None
        return certain(runs, samples, allowed=allowed, unit=UNITS.get(name, 1))

    # When it is over

    def seen(self) -> dict[str, Seen]:
        """Return what the series show, by counter; nothing while there is one sample only."""
        runs = self._sampler.runs()
        shown: dict[str, Seen] = {}
        if len(runs) < 2:
            return shown
        for name, samples in self._sampler.columns():
            allowed = self.trial.settings.allowed(name)
            if (seen := self._certain(name, runs, samples)) is None:
                seen = look(runs, samples, allowed=allowed, unit=UNITS.get(name, 1))
            shown[name] = seen
        return shown

    def events(self, seen: Mapping[str, Seen]) -> float:
        """Return how often per run something is left behind, by the smallest rise of each sample.

        Args:
            seen: What the series show; those count that grow, native memory only if alone.
        """
        rates = {
            name: min(seen[name].slope.value / least, 1.0)
            for (name, _), least in zip(self._sampler.columns(), self._least, strict=True)
            if seen[name].outlook == "growing" and least
        }
        python = [rate for name, rate in rates.items() if name not in NATIVE_COUNTERS]
        return min(python or rates.values(), default=1.0)

    def batches(self) -> tuple[int, ...]:
        """Return the runs before each sample but the first."""
        return tuple(after - before for before, after in pairwise(self._sampler.runs()))

    def told(self, ended: SoakEnd, seen: dict[str, Seen]) -> Soak:
        """Return how it went.

        Args:
            ended: What has ended it.
            seen: What its series show.
        """
        nouns = {counter.name: counter.noun for counter in self._sampler.counters}
        return Soak(
            duration=self._duration,
            seconds=self._times[_ENDED] - self._times[_BEGAN],
            runs=self.runs,
            workers=self.trial.settings.workers,
            ended=ended,
            trends={name: _trend(one, nouns[name]) for name, one in seen.items()},
        )

    # While it goes on

    def line(self) -> tuple[str, ...]:
        """Return the parts of the line that shows how far it is; empty when it is over.

        What it makes is gone when its caller is done, but for numbers in arrays.
        """
        if self._is_over:
            return ()
        elapsed, left = self._duration - self.left, max(self.left, 0.0)
        if elapsed - self._times[_LOOKED] >= _SLOPE_SECONDS:
            self._times[_LOOKED] = elapsed
            self._find_slope()
        growth = "flat"
        if (index := self._growing[0]) >= 0:
            noun = self._sampler.counters[index].noun
            growth = f"{format_slope(self._times[_SLOPE], noun)}/run"
        return (
            f"soak: {format_span(elapsed)} of {format_span(self._duration)}",
            f"{format_number(self.runs)} runs",
            f"{format_number(round(self.runs / elapsed))}/s" if elapsed else "0/s",
            growth,
            f"{format_span(left)} left",
        )

    def _find_slope(self) -> None:
        """Note the slope of the first counter that has one, in the later half of what there is."""
        self._growing[0] = -1
        runs = self._sampler.runs()
        start = len(runs) // 2
        if len(runs) - start < 2:
            return
        for index, (_, samples) in enumerate(self._sampler.columns()):
            slope = slope_of(runs[start:], samples[start:], _SLOPE_POINTS)
            if slope.low > 0:
                self._growing[0], self._times[_SLOPE] = index, slope.value
                return


def _trend(seen: Seen, noun: str) -> Trend:
    slope = seen.slope
    is_known = slope.low != float("-inf")
    return Trend(
        slope=_short(slope.value),
        low=_short(slope.low) if is_known else None,
        high=_short(slope.high) if is_known else None,
        unit=noun,
        grows=seen.outlook == "growing",
        exact=seen.exact,
    )


def _short(rate: float) -> float:
    """Round to what can be told, which in a small number is not the second decimal."""
    return float(f"{rate:.4g}")
