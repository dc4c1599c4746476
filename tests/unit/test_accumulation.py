"""Is growth told from replacement? Injected tallies, no heap."""

from __future__ import annotations

from collections import Counter

import pytest

from pytest_leakguard.diagnosis.accumulation import Accumulation
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
