"""How many traced runs does the time budget allow, and how many lines of each allocation?"""

from __future__ import annotations

from pytest_leakguard.clock import now
from pytest_leakguard.runner import Trial, tracing

#: Frames kept per allocation: the test's own line is rarely farther from the allocating one.
FRAMES = 25
#: The same for tests that allocate too much for these; what is grown at which line is then told by
#: watching a run, and the allocating line and its callers remain.
FEW_FRAMES = 5
#: Runs before the first census and between the two. Six runs are a whole number of periods for
#: leaks on every, every second and every third run; three runs show one of each before.
FIRST_RUNS, BETWEEN_RUNS = 3, 6
#: The same for tests too slow for these inside the time budget.
FEW_FIRST_RUNS, FEW_BETWEEN_RUNS = 1, 2
#: How much slower code was seen to run with many frames: as a rule, and at worst. CPython 3.11
#: looks each frame's line number up in its table, from the beginning of the function.
SLOWDOWN, WORST_SLOWDOWN = 15, 150
#: How much slower than with few frames code was seen to run with many, at worst.
_FRAMES_SLOWDOWN = 6
#: By how much fewer runs are tried where there is no time for all that rare growth may take.
_LESS = 2
#: A diagnosis that would take longer than so many times the budget, even with few runs, is left.
LEAST_PATIENCE = 3


def frames_of(trial: Trial) -> int:
    """Return how many frames of each allocation are kept: as many as time allows for a few runs.

    A test that might take too long with many is run once with few, and what is rare takes so many
    runs that few frames have to do.
    """
    if trial.stretch > 1:
        return FEW_FRAMES
    patience = LEAST_PATIENCE * trial.settings.confirm / (FEW_FIRST_RUNS + FEW_BETWEEN_RUNS)
    if trial.run_seconds * WORST_SLOWDOWN <= patience:
        return FRAMES
    with tracing(FEW_FRAMES):
        begun = now()
        trial.run()
        seconds = now() - begun
    if seconds * _FRAMES_SLOWDOWN <= patience:
        return FRAMES
    return FEW_FRAMES if seconds <= patience else 1


def runs_of(trial: Trial, seconds: float) -> tuple[int, int] | None:
    """Return how many runs a diagnosis takes.

    Args:
        trial: The test's runs.
        seconds: How long a traced run takes.

    Returns:
        Runs before the first census, and from there to the last; ``None`` if even few are too
        many.
    """
    budget = trial.settings.confirm
    # With few frames, the first traced run tells it, and not what was seen with many.
    expected = trial.run_seconds * SLOWDOWN if trial.stretch == 1 else 0.0
    stretches = [trial.stretch]
    while stretches[-1] > 1:  # even a share of the runs may show what is rare
        stretches.append(max(stretches[-1] // _LESS, 1))
    for stretch in stretches:
        first, between = FIRST_RUNS * stretch, BETWEEN_RUNS * stretch
        if max(seconds, expected) * (first + between) <= budget:
            return first, between
    if seconds * (FEW_FIRST_RUNS + FEW_BETWEEN_RUNS) <= LEAST_PATIENCE * budget:
        return FEW_FIRST_RUNS, FEW_BETWEEN_RUNS
    return None
