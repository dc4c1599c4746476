"""How often does the rule err on what is random? It alone, on one simulated counter.

No test is run and nothing is measured: numbers are drawn and handed to the plugin's own judgements,
in the order in which the plugin asks for them, with time for all batches. What the diagnosis adds
is left out: it acquits some of what is convicted here, and convicts nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from pytest_leakguard.confirmation import BATCH_PLANS, FURTHER_BATCHES
from pytest_leakguard.runner import DEEP_RUNS
from pytest_leakguard.verdict import is_flat, is_rising, judge_batches

#: Returns what a counter reads after one more run.
Run = Callable[[], int]
FLAT_RUNS = 3  # the default of --leak-runs
DRAWS = 2_000


def leaking(chance: float, draw: random.Random) -> Run:
    """Return a counter that gains one with a probability on each run."""
    total = 0

    def run() -> int:
        nonlocal total
        total += draw.random() < chance
        return total

    return run


def fluctuating(most: float, draw: random.Random) -> Run:
    """Return a counter that reads any number up to a bound, whatever it has read before."""
    return lambda: draw.randrange(int(most) + 1)


def wandering(most: float, draw: random.Random) -> Run:
    """Return a counter that gains or loses one on each run, between 0 and a bound."""
    total = 0

    def run() -> int:
        nonlocal total
        total = min(max(total + draw.choice((-1, 1)), 0), int(most))
        return total

    return run


def filling(keys: float, draw: random.Random) -> Run:
    """Return the size of a cache that meets any of so many keys on each run."""
    known: set[int] = set()

    def run() -> int:
        known.add(draw.randrange(int(keys)))
        return len(known)

    return run


#: What is simulated: its name in the table, what makes it, and with which number.
SIMULATED: tuple[tuple[str, Callable[[float, random.Random], Run], float], ...] = (
    *(
        (f"leak with probability {chance:g} on each run", leaking, chance)
        for chance in (1, 0.95, 0.75, 0.5, 0.25, 0.1)
    ),
    *((f"any number from 0 to {most}", fluctuating, most) for most in (1, 30)),
    *((f"one more or one less, from 0 to {most}", wandering, most) for most in (5, 30)),
    *((f"cache that meets {keys} random keys", filling, keys) for keys in (10, 50, 200, 1000)),
)


def judge(run: Run) -> tuple[str, int]:
    """Return the rule's verdict on one counter, and how many executions it took."""
    run()  # the user's own
    before = run()
    for _ in range(FLAT_RUNS - 1):
        run()
    after = run()
    executions = 2 + FLAT_RUNS
    if after == before:
        return "clean", executions
    samples = [after]
    while True:
        executions += 1
        samples.append(run())
        if is_flat(samples, FLAT_RUNS):
            return "clean", executions
        done = len(samples) - 1
        if done >= DEEP_RUNS or (done >= FLAT_RUNS and is_rising(samples, FLAT_RUNS)):
            break
    steps = [b - a for a, b in pairwise(samples)]
    plan, readings = BATCH_PLANS[0], samples[-1:]
    batches = (*plan, *FURTHER_BATCHES)
    for done, size in enumerate(batches, 1):
        for _ in range(size):
            executions, after = executions + 1, run()
        readings.append(after)
        status = judge_batches(batches[:done], readings, steps=steps, period=FLAT_RUNS).status
        if status == "acquitted":
            return "bounded", executions
        if status == "convicted" and done >= len(plan):
            return "leak", executions
    return "inconclusive", executions


def simulate(
    make: Callable[[float, random.Random], Run], number: float, *, seed: int, draws: int = DRAWS
) -> Counter[str]:
    """Count the verdicts on counters that are drawn anew each time."""
    draw = random.Random(seed)
    return Counter(judge(make(number, draw))[0] for _ in range(draws))
