"""How fast does a long series rise, and how sure is that? By the median of all slopes in it.

The slope is that of Theil and Sen: the median of the slopes between any two points, which a few odd
points do not move. Its interval is the one that inverts Kendall's test: the slopes so far from the
middle of all as Kendall's S scatters where there is no trend. Sources: P. K. Sen, "Estimates of the
regression coefficient based on Kendall's tau", J. Amer. Statist. Assoc. 63 (1968); the variance
with ties as in M. G. Kendall, "Rank Correlation Methods" (1975), chapter 4.

Time and memory grow with the square of the number of points: thin out first what is long.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist, median
from typing import final

#: How often the interval of a series without a trend is to hold 0.
CONFIDENCE = 0.95


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """A rate of growth with its interval.

    Attributes:
        value: The slope, in the series' unit per unit of its positions.
        low: Lower end of its interval; minus infinity where there are too few points.
        high: Upper end of its interval; infinity where there are too few points.
    """

    value: float
    low: float
    high: float


def theil_sen(
    positions: Sequence[float], values: Sequence[float], confidence: float = CONFIDENCE
) -> Slope:
    """Return the slope of Theil and Sen of a series, with its interval.

    Args:
        positions: Where the points are, each further on than the one before.
        values: The points; as many.
        confidence: With which probability the interval holds the slope, between 0 and 1.

    Raises:
        ValueError: There are fewer than two points.
    """
    points = list(zip(positions, values, strict=True))
    slopes = sorted(
        (later - earlier) / (end - begin)
        for (begin, earlier), (end, later) in combinations(points, 2)
    )
    if not slopes:
        raise ValueError(f"a slope needs two points (got {len(points)})")
    spread = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(_variance(values))
    outside = math.floor((len(slopes) - spread) / 2) - 1  # the last of so many, counted from 0
    if outside < 0:
        return Slope(value=median(slopes), low=-math.inf, high=math.inf)
    return Slope(value=median(slopes), low=slopes[outside], high=slopes[-1 - outside])


def _variance(values: Sequence[float]) -> float:
    """Return the variance of Kendall's S where there is no trend, with that of equal values off."""
    ties = Counter(values).values()
    return (_cubic(len(values)) - sum(map(_cubic, ties))) / 18


def _cubic(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)
