"""Is growth told from replacement? Injected tallies, no heap."""

from __future__ import annotations

from collections import Counter, deque

import pytest

from pytest_leakguard.diagnosis.accumulation import Accumulation, find_accumulations
from pytest_leakguard.diagnosis.census import Held, Tally
from pytest_leakguard.diagnosis.walk import Entry


def tally(number, length):
    counts = Counter({"list": number})
    return Tally(direct=counts, all=counts, sizes=Counter({"list": 56 * number}), length=length)


@pytest.mark.parametrize(
    ("lengths", "accumulates"),
    [
        ((10, 13, 16), True),
        ((None, None, None), True),  # a namespace, or a container without a length
        ((20, 20, 20), False),  # a full ring: new items in the place of old ones
        ((20, 19, 18), False),
    ],
)
def test_new_items_in_the_place_of_old_ones_are_no_growth(lengths, accumulates):
    first, middle, last = (
        tally(number, length) for number, length in zip((3, 6, 9), lengths, strict=True)
    )
    held = Held(Entry(root=0, chain=[[]]), None, tally=last)

    assert bool(Accumulation(held, [first, middle])) is accumulates


@pytest.mark.parametrize(
    ("container", "fills"),
    [
        ([1, "two", None], True),
        ([0] * 20, True),
        (deque([None, None]), True),
        ({"a": None, "b": "c"}, True),
        ([1, "two", 3.0], False),
        ({None, 1}, False),
        ([], False),
    ],
)
def test_places_that_wait_are_filled_by_what_replaces_one_and_the_same_thing(container, fills):
    first, middle, last = (tally(number, 20) for number in (3, 6, 9))
    held = Held(Entry(root=0, chain=[container]), None, tally=last)
    key = (0, 1)

    found = find_accumulations({key: held}, [{key: first}, {key: middle}])

    assert [one.held for one in found] == ([held] if fills else [])
    assert bool(Accumulation(held, [first, middle]).fills_slots()) is fills
