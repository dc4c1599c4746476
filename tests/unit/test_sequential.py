"""Does the sequential test err as rarely as it states?"""

from __future__ import annotations

import random

import pytest

from pytest_leakguard.sequential import FALSE_ACQUITTAL, FALSE_CONVICTION, trend

SIZES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)
#: Runs in the batches of the first half: the division of these sizes that is nearest to it.
_EARLIER = sum(SIZES[:13])
DRAWS = 4_000


def _look(events: int, slower: float, draw: random.Random) -> str:
    """Return what one look says of so many events, fewer of them in each later run.

    Args:
        events: How many.
        slower: What is left of the rate in the later half.
        draw: Divides them.
    """
    earlier = _EARLIER
    later = (sum(SIZES) - earlier) * slower
    lots = draw.choices((0, len(SIZES) - 1), (earlier, later), k=events)
    grown = [lots.count(batch) for batch in range(len(SIZES))]
    return trend(SIZES, grown, [1] * len(SIZES), 1)


@pytest.mark.parametrize("events", [10, 60, 150, 400])
def test_a_look_convicts_growth_that_has_come_down_to_half_as_rarely_as_stated(events):
    draw = random.Random(1)

    wrong = sum(_look(events, 0.5, draw) == "kept" for _ in range(DRAWS))

    assert wrong <= DRAWS * FALSE_CONVICTION


@pytest.mark.parametrize("events", [10, 60, 150, 400])
def test_a_look_acquits_growth_that_keeps_its_rate_as_rarely_as_stated(events):
    draw = random.Random(2)

    wrong = sum(_look(events, 1, draw) == "fading" for _ in range(DRAWS))

    assert wrong <= DRAWS * FALSE_ACQUITTAL


def _said(chance: float, draw: random.Random) -> str:
    """Return the first thing that is said, after any batch, of one event by chance on each run."""
    grown: list[int] = []
    for done, size in enumerate(SIZES, 1):
        grown.append(sum(draw.random() < chance for _ in range(size)))
        said = trend(SIZES[:done], grown, grown, 1)
        if said != "open":
            return said
    return "open"


@pytest.mark.parametrize("chance", [0.9, 0.5, 0.3])
def test_growth_that_keeps_its_rate_is_mostly_convicted(chance):
    draw = random.Random(3)

    found = sum(_said(chance, draw) == "kept" for _ in range(DRAWS))

    assert found > 0.6 * DRAWS


def test_one_batch_that_did_not_raise_the_floor_leaves_it_open():
    grown = list(SIZES)

    assert trend(SIZES, grown, grown, 1) == "kept"
    assert trend(SIZES, grown, [*grown[:-1], 0], 1) == "open"


def test_growth_without_a_step_to_measure_it_by_is_left_open():
    assert trend(SIZES, SIZES, SIZES, 0) == "open"


def test_large_steps_count_as_fewer_events():
    few = SIZES[:7]

    assert trend(few, few, few, 50) == "open"
