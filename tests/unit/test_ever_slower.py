"""Is a test given up whose runs take ever longer, and no other?"""

from __future__ import annotations

import pytest

from pytest_leakguard import runner
from pytest_leakguard.heap import Heap
from pytest_leakguard.runner import EverSlowerError, Trial
from pytest_leakguard.settings import Settings


def runs_until_given_up(monkeypatch, durations):
    """Return after how many runs of these durations, in seconds, a test is given up."""
    clock = [0.0]
    pending = iter(durations)

    class Timed:
        def run(self):
            clock[0] += next(pending)

    trial = Trial(subject=Timed(), settings=Settings(), heap=Heap(frozen=False))
    monkeypatch.setattr(runner, "now", lambda: clock[0])
    for done in range(len(durations)):
        try:
            trial.run()
        except EverSlowerError:
            return done + 1
    return None


@pytest.mark.parametrize(
    ("durations", "given_up"),
    [
        ([0.001 * 2**run for run in range(14)], 11),  # 1.024 s
        ([0.05, 0.1, 0.2, 0.4, 0.8, 1.6], 6),
        ([0.05, 0.1, 0.35, 0.4, 0.8, 1.6], 6),  # one was late
        ([0.05, 0.1, 0.2, 0.4, 0.3, 0.35], None),
        ([0.1, 0.2, 0.4, 0.8, 1.6], None),  # there may have been a reason
        ([1.0, 1.4, 1.9, 2.6, 3.6, 5.0, 7.0], None),
        ([0.5, 2, 0.5, 2, 0.5, 2, 0.5, 2], None),
        ([0.4, 2, 2, 2, 2, 2, 4], None),
        ([run * 0.4 for run in range(1, 30)], None),
    ],
)
def test_runs_that_take_a_multiple_each_time_are_given_up(monkeypatch, durations, given_up):
    assert runs_until_given_up(monkeypatch, durations) == given_up
