"""Is growth that comes and goes by chance told from growth that has ended?"""

from __future__ import annotations

import pytest

from pytest_leakguard.heap import Heap
from pytest_leakguard.persistence import LAST_RUNS, still_grows
from pytest_leakguard.runner import Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import Settings

RATE = 10


class Store:
    """Gains so much on each run, beside what is there by chance."""

    name, noun = "blocks", "block"

    def __init__(self, *, per_run, by_chance):
        self.per_run, self.by_chance = per_run, by_chance
        self.runs = 0

    def run(self):
        self.runs += 1

    def read(self):
        # There when the baseline is taken, after the first run, and gone later.
        return self.per_run * self.runs + (self.by_chance if self.runs == 1 else 0)


def look(store):
    trial = Trial(subject=store, settings=Settings(), heap=Heap(frozen=False))
    return still_grows(trial, Sampler((store,)), {"blocks": RATE})


@pytest.mark.parametrize("by_chance", [0, 3 * RATE, 6 * RATE])
def test_what_a_few_objects_more_or_less_hide_is_seen_by_further_runs(by_chance):
    assert look(Store(per_run=RATE, by_chance=by_chance))


@pytest.mark.parametrize(("by_chance", "runs"), [(0, 1), (3, 5), (-3, 5), (-RATE, 5)])
def test_growth_that_has_ended_is_run_on_only_where_something_moved(by_chance, runs):
    store = Store(per_run=0, by_chance=by_chance)

    assert not look(store)
    assert store.runs == 1 + runs * LAST_RUNS
