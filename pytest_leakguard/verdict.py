"""What do the samples say? Pure functions from numbers to judgements.

The *retained floor* of a counter after a run is the lowest of its samples from there on: what a
sawtooth falls back to, and what a leak raises on every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, final

from pytest_leakguard.sequential import Trend, trend

#: What is said of growth: it has ended, it goes on, or neither is certain.
Status = Literal["acquitted", "convicted", "open"]
#: Batches whose floors must all rise before anything is convicted.
LEAST_BATCHES = 3
#: A conviction that is not exact needs growth of this many times the largest single step: for
#: samples that only fluctuate, the whole growth stays within their range, about one such step.
LEAST_QUANTA = 4
#: Growth beyond a constant rate that odd events may explain, as a share of the whole.
LEAST_EXACTNESS = 0.1
#: What a single run takes has to be so many units to be told from the allocator's own choices.
LEAST_QUANTUM = 8
#: Growth in bytes that has come down to this share of what it was is taken to end.
FADED = 0.75


def less_allowed(samples: Sequence[int], runs: Sequence[int], allowed: float) -> list[float]:
    """Take the tolerated growth off each sample.

    Args:
        samples: A counter's samples.
        runs: How many runs had been done at each sample.
        allowed: Growth per run that is tolerated, finite.
    """
    return [sample - allowed * done for sample, done in zip(samples, runs, strict=True)]


def is_flat(samples: Sequence[float], steps: int) -> bool:
    """Tell whether none of the last ``steps`` steps went up.

    Three such steps rule out every leak of period 1, 2 and 3 runs. A fall after rises proves
    nothing: what was let go once may hide what each run retains. Sawtooths are told by batches.
    """
    first = len(samples) - steps
    return first > 0 and all(samples[i - 1] >= samples[i] for i in range(first, len(samples)))


def is_rising(samples: Sequence[float], steps: int) -> bool:
    """Tell whether each of the last ``steps`` steps went up."""
    first = len(samples) - steps
    return first > 0 and all(samples[i - 1] < samples[i] for i in range(first, len(samples)))


def retained_floors(samples: Sequence[float]) -> list[float]:
    """Return the retained floor after each sample."""
    floors: list[float] = []
    lowest = float("inf")
    for sample in reversed(samples):
        lowest = min(lowest, sample)
        floors.append(lowest)
    return floors[::-1]


def largest_fall(samples: Sequence[float]) -> float:
    """Return by how much samples have fallen at most, from one to any later one; 0 if never."""
    floors = retained_floors(samples)
    return max((sample - floor for sample, floor in zip(samples, floors, strict=True)), default=0)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What batches of runs say of one counter.

    Attributes:
        status: ``acquitted`` (the last two batches were flat), ``convicted``, or ``open``.
        exact: Every batch grew by the same whole number per run: the strongest evidence.
        random: Batches differ, but their rate stays: as likely as a sequential test says.
        per_run: Growth per run over all batches, in the counter's unit.
    """

    status: Status
    exact: bool
    per_run: float
    random: bool = False


def judge_batches(  # noqa: PLR0913  # numbers alone, most of them by name
    sizes: Sequence[int],
    readings: Sequence[int],
    *,
    steps: Sequence[float] = (),
    allowed: float = 0,
    period: int = 3,
    unit: int = 1,
) -> Judgement:
    """Judge one counter by batches of runs with nothing read in between.

    Args:
        sizes: Runs in each batch, of coprime sizes: what grows once per reading and not once per
            run then cannot look proportional.
        readings: The counter before the first batch and after each; one more than ``sizes``.
        steps: Growth in single runs, from the screen: its largest change tells one batch's
            growth from a fluctuation.
        allowed: Growth per run that is tolerated.
        period: The rarest leak looked for, in runs: a batch that grows by less than it would make
            is flat.
        unit: The least that one retained thing adds to the counter.
    """
    done = [0]
    for size in sizes:
        done.append(done[-1] + size)
    per_run = (readings[-1] - readings[0]) / done[-1] if sizes else 0.0
    excess = less_allowed(readings, done, allowed)
    floors = retained_floors(excess)
    rises = [after - before for before, after in pairwise(floors)]
    grown = [after - before for before, after in pairwise(readings)]
    risen = [
        rise > 0 and rise >= size // period * unit for rise, size in zip(rises, sizes, strict=True)
    ]
    # Native memory comes in more sizes than events can be told by.
    going = trend(sizes, grown, rises, _quantum(steps)) if unit == 1 else None
    if _are_flat(risen, rises, going):
        return Judgement(status="acquitted", exact=False, per_run=0.0)
    if len(risen) < LEAST_BATCHES:
        return Judgement(status="open", exact=False, per_run=per_run)
    rate = grown[-1] // sizes[-1]
    if all(risen) and _keeps_rate(sizes, grown, rate):
        exact = all(growth == rate * size for growth, size in zip(grown, sizes, strict=True))
        return Judgement(status="convicted", exact=exact, per_run=float(rate))
    if unit > 1 and _fades(sizes, grown, unit):
        return Judgement(status="acquitted", exact=False, per_run=0.0)
    if len(sizes) > LEAST_BATCHES + 1 and per_run > 0:
        # The first batch may still have warmed something up, or have let go of it.
        later = judge_batches(
            sizes[1:],
            readings[1:],
            steps=steps,
            allowed=allowed,
            period=period,
            unit=unit,
        )
        if later.status == "convicted":
            return later
    if unit > 1:
        steady = _is_even(sizes, grown, unit) or _is_counted(sizes, grown, steps, period, unit)
    else:
        steady = _is_steady(sizes, grown, steps, per_run) and going != "fading"
    return _convict(per_run, steady=steady and all(risen), kept=going == "kept")


def _convict(per_run: float, *, steady: bool, kept: bool) -> Judgement:
    """Return the judgement on growth that is not the same on each run."""
    return Judgement(
        status="convicted" if steady or kept else "open",
        exact=False,
        per_run=per_run,
        random=kept and not steady,
    )


def _are_flat(risen: Sequence[bool], rises: Sequence[float], going: Trend | None) -> bool:
    """Tell whether growth has ended: two flat batches, unless each has gone on a little."""
    goes_on = going in ("open", "kept") and len(rises) >= LEAST_BATCHES and min(rises) > 0
    return len(risen) >= 2 and not any(risen[-2:]) and not goes_on


def _quantum(steps: Sequence[float]) -> float:
    return max((abs(step) for step in steps), default=0.0)


def _keeps_rate(sizes: Sequence[int], grown: Sequence[float], rate: float) -> bool:
    """Tell whether growth is the same whole number per run, but for single odd events.

    A container's storage moves between allocators now and then, which is a block more or less.
    What may not be is a last batch that falls behind: that is how a filling cache bends.
    """
    if rate <= 0:
        return False
    matching = sum(growth == rate * size for growth, size in zip(grown, sizes, strict=True))
    if grown[-1] == rate * sizes[-1] and matching >= LEAST_BATCHES:
        return True
    least = [rate * size for size in sizes]
    never_less = all(growth >= floor for growth, floor in zip(grown, least, strict=True))
    return never_less and sum(grown) - sum(least) <= max(rate, LEAST_EXACTNESS * sum(least))


def _fades(sizes: Sequence[int], grown: Sequence[float], unit: int) -> bool:
    """Tell whether growth per run has come down: that is an allocator filling its caches.

    By less than a unit per run, it is only another choice of chunks. One of the earlier batches may
    have had an odd event.
    """
    if len(sizes) <= LEAST_BATCHES:
        return False
    *earlier, last = (growth / size for growth, size in zip(grown, sizes, strict=True))
    before = sorted(earlier)[-2]
    return last <= FADED * before and before - last >= unit


def _is_even(sizes: Sequence[int], grown: Sequence[float], unit: int) -> bool:
    """Tell whether every batch grew by nearly as many bytes per run as every other.

    An allocator gives a chunk that is a unit larger than asked for where it finds no other. One of
    five batches may have had an odd event: a table that was enlarged, code that became warm.
    """
    rates = sorted(growth / size for growth, size in zip(grown, sizes, strict=True))
    if len(rates) > LEAST_BATCHES + 1:
        del rates[-1]
    return rates[-1] <= max((1 + LEAST_EXACTNESS) * rates[0], rates[0] + unit) and rates[0] >= unit


def _is_counted(
    sizes: Sequence[int], grown: Sequence[float], steps: Sequence[float], period: int, unit: int
) -> bool:
    """Tell whether every batch grew by whole multiples of what single runs took, as often as due.

    That is how native memory looks that is lost on every second or third run.
    """
    quantum = max(steps, default=0.0)
    if quantum < LEAST_QUANTUM * unit:
        return False
    counts = [round(growth / quantum) for growth in grown]
    rate = sum(counts) / sum(sizes)
    return rate * period >= 1 - LEAST_EXACTNESS and all(
        abs(growth - count * quantum) <= unit * max(count, 1) and abs(count - rate * size) <= 1
        for size, growth, count in zip(sizes, grown, counts, strict=True)
    )


def _is_steady(
    sizes: Sequence[int], grown: Sequence[float], steps: Sequence[float], per_run: float
) -> bool:
    # A leak on every run is exact; one on every second or third is off by one step at most.
    if steps and len(set(steps)) == 1 and steps[0] > 0:
        return False
    quantum = _quantum(steps)
    return sum(grown) >= LEAST_QUANTA * quantum and all(
        abs(growth - per_run * size) <= max(quantum, 1)
        for growth, size in zip(grown, sizes, strict=True)
    )
