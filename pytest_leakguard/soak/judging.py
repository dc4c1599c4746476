"""What does a soak's series say: flat, ended, growing, or neither? Pure functions of numbers.

What the first half shows may be warm-up, so that only the later one can convict. It is divided into
parts, and the *low* of a part, its lowest sample, stands for what is retained in it: a sawtooth
comes down to its foot in each. Other than the retained floors themselves, the lows of equal parts
are alike where nothing rises: a floor looks at all later samples, and near the end there are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, final

from pytest_leakguard.trend import CONFIDENCE, Slope, theil_sen
from pytest_leakguard.verdict import FADED, less_allowed, retained_floors

#: What is said of a counter: it does not rise, it has risen and does no more, it goes on rising, or
#: it rises and none of these is certain.
Outlook = Literal["flat", "ended", "growing", "unclear"]
#: Parts of the later half whose lows must all rise. Of samples that only fluctuate, in any way that
#: does not depend on time, one in 8!, or 40,320, does that.
PARTS = 8
#: Parts by whose lows the trend is told: 496 slopes.
TREND_PARTS = 32
#: Confidence of a trend that is not put down to chance, whatever else comes and goes.
SURE = 0.999
#: Samples of the later half without which nothing is said of a trend.
LEAST_SAMPLES = 2 * PARTS
#: Rises of the lows in the later half that are more than something done once and late.
LEAST_RISES = 5
#: Rises of the floor before the later half that are growth which has ended, and no beginning.
LEAST_EARLY_RISES = 3
#: Samples in a row that must lie on a line for growth to be certain before the time is over.
CERTAIN_SAMPLES = 20


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a soak shows of one counter.

    Attributes:
        outlook: What is said of it.
        slope: Growth per run in the later half, with its interval.
        exact: Every sample of the later half grew by the same whole number per run.
        regular: The later half lies on a line, as far as the steps of the samples allow.
        events: How often something is left behind, per run, at least: as if the smallest rise came
            of one; 0 where nothing rises.
    """

    outlook: Outlook
    slope: Slope
    exact: bool = False
    regular: bool = False
    events: float = 0.0


def look(runs: Sequence[int], samples: Sequence[int], *, allowed: float = 0, unit: int = 1) -> Seen:
    """Look at one counter of a soak that is over.

    Args:
        runs: Executions before each sample, rising.
        samples: The counter at each; at least two.
        allowed: Growth per run that is tolerated.
        unit: The least that one retained thing adds to the counter.
    """
    excess = less_allowed(samples, runs, allowed)
    start = _later(runs)
    slope = slope_of(runs[start:], samples[start:])
    lows = [low for _, low in _lows(runs[start:], excess[start:], PARTS)]
    rise = lows[-1] - lows[0]
    floors = retained_floors(excess)
    # What has once come down by as much may do so again. At the very beginning, caches are emptied.
    earlier = _fall(excess[start // 4 : start + 1])
    fall = _fall(excess[start:])
    rising = all(after - before >= unit for before, after in pairwise(lows))
    many = len(samples) - start >= LEAST_SAMPLES
    beyond = slope.low > allowed and rise >= unit
    if many and beyond and rising and rise > max(fall, earlier) and _goes_on(runs, excess, unit):
        grown = [after - before for before, after in pairwise(floors[start:])]
        return _growing(runs[start:], samples[start:], [one for one in grown if one >= unit], unit)
    if many:
        fine = [low for _, low in _lows(runs[start:], excess[start:], TREND_PARTS)]
        rises = sum(after - before >= unit for before, after in pairwise(retained_floors(fine)))
        still = lows[-1] - lows[-PARTS // 4 - 1] >= unit and rises >= LEAST_RISES
        # What comes and goes by more than it rises has a trend by chance, now and then.
        sure = rising or slope_of(runs[start:], excess[start:], confidence=SURE).low > 0
        unclear = beyond and (sure or (still and rise > fall))
    else:
        unclear = floors[-1] - floors[start] >= unit and rise > fall
    if unclear:
        return Seen(outlook="unclear", slope=slope)
    early = sum(after - before >= unit for before, after in pairwise(floors[: start + 1]))
    return Seen(outlook="ended" if early >= LEAST_EARLY_RISES else "flat", slope=slope)


def _fall(samples: Sequence[float]) -> float:
    """Return the largest step down; 0 where there is none."""
    return max((before - after for before, after in pairwise(samples)), default=0)


def certain(
    runs: Sequence[int], samples: Sequence[int], *, allowed: float = 0, unit: int = 1
) -> Seen | None:
    """Return what a counter shows whose growth lies on a line that nothing bends; else ``None``.

    It is looked at from a quarter of the series on. No sample may be farther from the line than
    the largest step, no step may be more than a twentieth of the whole, and none may fall.

    Args:
        runs: Executions before each sample, rising.
        samples: The counter at each.
        allowed: Growth per run that is tolerated.
        unit: The least that one retained thing adds to the counter.
    """
    runs, samples = runs[len(runs) // 4 :], samples[len(samples) // 4 :]
    if len(samples) < CERTAIN_SAMPLES or samples[-1] <= samples[0]:
        return None
    excess = less_allowed(samples, runs, allowed)
    if excess[-1] - excess[0] < CERTAIN_SAMPLES * unit or not _is_linear(runs, excess, unit):
        return None
    steps = [after - before for before, after in pairwise(samples)]
    return _growing(runs, samples, [step for step in steps if step >= unit], unit)


def _growing(
    runs: Sequence[int], samples: Sequence[int], grown: Sequence[float], unit: int
) -> Seen:
    span = runs[-1] - runs[0]
    exact = is_exact(runs, samples)
    return Seen(
        outlook="growing",
        slope=slope_of(runs, samples),
        exact=exact,
        regular=exact or _is_linear(runs, samples, unit),
        events=1.0 if exact else min(sum(grown) / min(grown) / span, 1.0),
    )


def _is_linear(runs: Sequence[int], samples: Sequence[float], unit: int) -> bool:
    """Tell whether a series rises along a line, in small steps."""
    whole, steps = samples[-1] - samples[0], [b - a for a, b in pairwise(samples)]
    rate, largest = whole / (runs[-1] - runs[0]), max(steps)
    return (
        min(steps) >= 0
        and largest * (CERTAIN_SAMPLES - 1) <= whole
        and all(
            abs(sample - samples[0] - rate * (run - runs[0])) <= max(largest, unit)
            for run, sample in zip(runs, samples, strict=True)
        )
    )


def slope_of(
    runs: Sequence[int],
    samples: Sequence[float],
    parts: int = TREND_PARTS,
    confidence: float = CONFIDENCE,
) -> Slope:
    """Return the trend of the lows of so many parts.

    Args:
        runs: Executions before each sample, rising.
        samples: The samples; at least two.
        parts: Into how many parts they are divided, if they are as many.
        confidence: With which probability the interval holds the slope.
    """
    lows = _lows(runs, samples, parts)
    return theil_sen([run for run, _ in lows], [low for _, low in lows], confidence)


def is_exact(runs: Sequence[int], samples: Sequence[int]) -> bool:
    """Tell whether each sample has grown by the same whole number per run."""
    rate, rest = divmod(samples[-1] - samples[0], runs[-1] - runs[0])
    return not rest and all(
        after - before == rate * (end - begin)
        for (before, after), (begin, end) in zip(pairwise(samples), pairwise(runs), strict=True)
    )


def _later(runs: Sequence[int]) -> int:
    """Return where the later half of the runs begins; there are two samples in it at least."""
    return min(_from(runs, 1 / 2), len(runs) - 2)


def _from(runs: Sequence[int], share: float) -> int:
    """Return the first sample after such a share of all runs."""
    least = runs[0] + share * (runs[-1] - runs[0])
    return next(index for index, run in enumerate(runs) if run >= least)


def _lows(runs: Sequence[int], samples: Sequence[float], parts: int) -> list[tuple[int, float]]:
    """Return the lowest sample of each of so many parts, with its run; the first of equal ones."""
    count = len(samples)
    parts = min(parts, count)
    bounds = [count * part // parts for part in range(parts + 1)]
    lowest = [min(range(begin, end), key=samples.__getitem__) for begin, end in pairwise(bounds)]
    return [(runs[index], samples[index]) for index in lowest]


def _goes_on(runs: Sequence[int], excess: Sequence[float], unit: int) -> bool:
    """Tell whether the last quarter of the runs has risen about as much as the second."""
    second, later, last = (_from(runs, share) for share in (1 / 4, 1 / 2, 3 / 4))
    earlier = _lows(runs[second:later], excess[second:later], PARTS // 2)
    latest = _lows(runs[last:], excess[last:], PARTS // 2)
    if len(earlier) < 2 or len(latest) < 2:
        return True
    (begin, before), (end, after) = latest[0], latest[-1]
    rate = (earlier[-1][1] - earlier[0][1]) / (earlier[-1][0] - earlier[0][0])
    return after - before >= FADED * rate * (end - begin) - unit
