"""Does growth that happens at random keep its rate? A sequential test with stated error rates.

Leaks on one run in two, or on a retry now and then, make no two batches alike. What tells them from
growth that will end is that the later half of the runs gains as much as the earlier one: a store
that fills up at random meets what it has already, and gains ever less.

Both are hypotheses on how events are divided between two halves of ``n`` and ``m`` runs. Where the
rate stays, an event falls into the later half with probability ``m / (n + m)``; where it has come
down to half, with ``(m / 2) / (n + m / 2)``. The ratio of their likelihoods is looked at after each
batch, as in Wald's test ("Sequential tests of statistical hypotheses", Ann. Math. Statist. 16,
1945): by Markov's inequality, whatever the number of events, a look is misled with at most the
probability that it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

#: Growth keeps its rate, has an end, or it cannot be told.
Trend = Literal["kept", "fading", "open"]
#: The most, for each look, with which growth that has come down to half its rate is convicted.
FALSE_CONVICTION = 1 / 2000
#: The same for growth that keeps its rate and is taken to fade.
FALSE_ACQUITTAL = 1 / 50
#: Batches whose floors must all have risen. What goes up and down without a trend, in any way that
#: does not depend on time, does that with a probability of 1 in 7!, or 5,040.
LEAST_RISES = 7


def trend(
    sizes: Sequence[int], grown: Sequence[float], rises: Sequence[float], quantum: float
) -> Trend:
    """Tell whether growth keeps its rate.

    Args:
        sizes: Runs in each batch.
        grown: Growth in each batch.
        rises: By how much each has raised the retained floor.
        quantum: What one event adds, at most: the largest step seen in a single run. Events of
            various sizes are thereby counted as fewer than they are.

    Returns:
        ``open`` where it cannot be told, or where not every batch has raised the floor.
    """
    if len(sizes) < 2 or quantum <= 0 or min(rises) <= 0:
        return "open"
    done = list(accumulate(sizes))
    middle = min(range(len(done) - 1), key=lambda at: abs(done[at] - done[-1] / 2)) + 1
    earlier, later = sum(sizes[:middle]), sum(sizes[middle:])
    events = sum(grown[:middle]) / quantum, sum(grown[middle:]) / quantum
    kept, halved = later / (earlier + later), later / (2 * earlier + later)
    said = events[0] * math.log((1 - kept) / (1 - halved)) + events[1] * math.log(kept / halved)
    if len(sizes) >= LEAST_RISES and said >= -math.log(FALSE_CONVICTION):
        return "kept"
    return "fading" if said <= math.log(FALSE_ACQUITTAL) else "open"
