"""Is what is just ending waited for before a new baseline as well?"""

from __future__ import annotations

import pytest

from pytest_leakguard import runner
from pytest_leakguard.heap import Heap
from pytest_leakguard.runner import Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import Settings

ENDING = frozenset({"threads"})


class Threads:
    """As many threads as the next reading is to tell; the last number stays."""

    name, noun = "threads", "thread"

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def read(self):
        return self.numbers.pop(0) if len(self.numbers) > 1 else self.numbers[0]

    def run(self):
        pass


@pytest.mark.parametrize(("number", "grew"), [(1, False), (2, False), (3, True)])
def test_growth_is_told_over_a_restart(number, grew):
    threads = Threads(2)
    sampler = Sampler((threads,))
    sampler.take(1)
    sampler.restart()
    threads.numbers = [number]

    assert sampler.grew(ENDING) is grew
    assert not sampler.grew(frozenset({"fds"}))


def test_before_the_first_sample_nothing_has_grown():
    sampler = Sampler((Threads(5),))

    assert not sampler.grew(ENDING)
    sampler.restart()
    assert not sampler.grew(ENDING)


def test_a_baseline_has_no_thread_that_is_just_ending():
    threads = Threads(1, 1, 2, 2, 2, 1)  # the first is read before any sample
    sampler = Sampler((threads,))
    trial = Trial(subject=threads, settings=Settings(), heap=Heap(frozen=False))
    trial.run_and_sample(sampler, deep=True)
    sampler.restart()

    trial.run_and_sample(sampler, deep=True, times=0)

    assert sampler.series() == {"threads": (1,)}


def test_what_stays_is_waited_for_a_few_times_only(monkeypatch):
    waits = []
    monkeypatch.setattr(runner.settle, "until_ended", lambda grown, seconds: waits.append(seconds))
    threads = Threads(0)
    sampler = Sampler((threads,))
    trial = Trial(subject=threads, settings=Settings(), heap=Heap(frozen=False))
    for number in range(1, 7):
        trial.run_and_sample(sampler, deep=True)
        threads.numbers = [number]
    threads.numbers = [6, 5]  # it has ended by the second look
    trial.run_and_sample(sampler, deep=True)
    threads.numbers = [9]
    trial.run_and_sample(sampler, deep=True)

    assert waits == [0.2, 0.2, 0.2, 0.01, 0.01, 0.01, 0.2]
