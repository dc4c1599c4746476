"""How sure is a proportion? Intervals for counts of successes, and order statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: The quantile of the normal distribution that leaves 2.5 % on each side.
Z_95 = 1.959964


def wilson(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return the bounds of the score interval for a proportion.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22 (1927) 209-212; preferred to the textbook's normal
    interval by L. D. Brown, T. T. Cai and A. DasGupta, "Interval estimation for a binomial
    proportion", Statistical Science 16 (2001) 101-133. It stays within 0 and 1 and says something
    where nothing was seen: with no success the upper bound is z²/(n + z²), about 3.8/n. (The "rule
    of three", 3/n, is the bound of a one-sided interval.)

    Args:
        successes: From 0 to ``trials``.
        trials: Independent trials; 0 gives the whole range.
        z: Quantile of the normal distribution.

    Raises:
        ValueError: The counts are no counts of successes and trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie between 0 and the trials (got {successes}, {trials})")
    if trials == 0:
        return 0.0, 1.0
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    width = z * math.sqrt((share * (1 - share) + spread / 4) / trials) / (1 + spread)
    low = 0.0 if successes == 0 else middle - width
    high = 1.0 if successes == trials else middle + width
    return low, high


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least so many percent do not exceed (nearest rank).

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
