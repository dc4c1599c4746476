"""Is a line told that leaves as much behind on every run, and none that only happens to grow?"""

from __future__ import annotations

import tracemalloc

import pytest

from pytest_leakguard.diagnosis.traces import Growth, look, steady_growth

HERE = (("app.py", 3), ("test_app.py", 7))


def looks(*readings):
    return [{HERE: reading} for reading in readings]


@pytest.mark.parametrize(
    ("readings", "growth"),
    [
        ([(100, 1), (400, 4), (700, 7)], [Growth(HERE, 6, 600)]),
        ([(0, 0), (600, 6), (1200, 12)], [Growth(HERE, 12, 1200)]),
        ([(100, 1), (103, 1), (106, 1)], [Growth(HERE, 0, 6)]),
        ([(100, 1), (400, 4), (600, 6)], []),  # three more, then two more
        ([(100, 1), (200, 2), (300, 3)], []),  # not by every run
        ([(100, 1), (400, 4), (400, 4)], []),
        ([(100, 1), (110, 1), (110, 1)], []),
        ([(700, 7), (400, 4), (100, 1)], []),
    ],
)
def test_growth_is_steady_if_every_run_leaves_as_much(readings, growth):
    assert steady_growth(looks(*readings), runs=3) == growth


def test_what_is_alive_is_told_by_its_line_and_its_callers():
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start(5)
    try:
        kept = bytes(5_000)
        found = look()
    finally:
        if not was_tracing:
            tracemalloc.stop()

    ((size, count),) = [
        seen
        for place, seen in found.items()
        if place and place[0][0] == __file__ and seen[0] > 3_000
    ]
    assert count == 1
    assert size >= len(kept)
