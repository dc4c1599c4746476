"""What is the slope of series whose truth is known, and does its interval hold it?"""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_leakguard.trend import theil_sen

amounts = st.integers(min_value=-(10**6), max_value=10**6)
series = st.lists(amounts, min_size=5, max_size=24)


@given(constant=amounts, length=st.integers(6, 24))
def test_a_constant_has_no_slope_for_certain(constant, length):
    slope = theil_sen(range(length), [constant] * length)

    assert (slope.value, slope.low, slope.high) == (0, 0, 0)


@given(rate=amounts, offset=amounts, length=st.integers(6, 24))
def test_a_line_has_its_slope_for_certain(rate, offset, length):
    slope = theil_sen(range(length), [offset + rate * at for at in range(length)])

    assert (slope.value, slope.low, slope.high) == (rate, rate, rate)


@given(samples=series, offset=amounts)
def test_an_offset_changes_nothing(samples, offset):
    moved = [sample + offset for sample in samples]

    assert theil_sen(range(len(samples)), moved) == theil_sen(range(len(samples)), samples)


@given(samples=series, more=st.integers(0, 1000))
def test_growth_that_is_added_is_added_to_the_slope(samples, more):
    before = theil_sen(range(len(samples)), samples)
    grown = [sample + more * at for at, sample in enumerate(samples)]

    assert theil_sen(range(len(samples)), grown).value == pytest.approx(before.value + more)


@given(samples=series)
def test_the_slope_lies_in_its_interval(samples):
    slope = theil_sen(range(len(samples)), samples)

    assert slope.low <= slope.value <= slope.high


@given(samples=series)
def test_a_higher_confidence_never_makes_an_interval_narrower(samples):
    usual = theil_sen(range(len(samples)), samples)
    wide = theil_sen(range(len(samples)), samples, 0.999)

    assert wide.low <= usual.low
    assert wide.high >= usual.high


def test_one_odd_point_does_not_move_the_slope():
    samples = [2 * at for at in range(20)]
    samples[7] = 10_000

    assert theil_sen(range(20), samples).value == 2


def test_positions_that_are_far_apart_count_as_that():
    assert theil_sen([0, 1, 10, 100, 1000, 2000], [0, 3, 30, 300, 3000, 6000]).value == 3


def test_the_interval_is_that_of_kendalls_variance():
    # Twelve points without ties: S varies by 12 * 11 * 29 / 18, so that 28 of the 66 slopes are
    # within 1.96 of its root on either side; the interval ends at the 19th from either end.
    samples = [3, 1, 4, 2, 7, 5, 9, 6, 11, 8, 12, 10]
    slopes = sorted(
        (samples[b] - samples[a]) / (b - a) for a in range(12) for b in range(a + 1, 12)
    )
    outside = math.floor((66 - 1.959964 * math.sqrt(12 * 11 * 29 / 18)) / 2)

    slope = theil_sen(range(12), samples)

    assert (slope.low, slope.high) == (slopes[outside - 1], slopes[-outside])


def test_the_interval_holds_a_slope_of_nothing_about_as_often_as_it_says():
    draw = random.Random(1)
    held = 0
    for _ in range(400):
        slope = theil_sen(range(16), [draw.random() for _ in range(16)])
        held += slope.low <= 0 <= slope.high

    assert 0.93 <= held / 400 <= 0.99


@pytest.mark.parametrize("length", [2, 3])
def test_too_few_points_leave_the_interval_open(length):
    slope = theil_sen(range(length), range(length))

    assert slope.value == 1
    assert (slope.low, slope.high) == (-math.inf, math.inf)


def test_one_point_has_no_slope():
    with pytest.raises(ValueError, match="needs two points"):
        theil_sen([1], [1])
