"""Samples of a session in bounded memory."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_leakguard.monitor.curve import ABSENT, CurveRecorder


def recorded(values, most=8):
    recorder = CurveRecorder(("height",), most)
    for number, value in enumerate(values):
        recorder.add(number * 10**9, number, array("q", [value]), f"test_{number}")
    return recorder


def test_few_samples_are_kept_as_they_are():
    curve = recorded([5, 3, 4]).curve()

    assert curve.series == {"height": (5, 3, 4)}
    assert curve.tests == (0, 1, 2)
    assert curve.seconds == (0.0, 1.0, 2.0)


@given(st.integers(1, 500))
def test_the_number_of_samples_is_bounded_and_the_latest_is_among_them(number):
    curve = recorded(range(number)).curve()

    assert len(curve.tests) <= 8
    assert curve.tests[-1] == number - 1
    assert curve.series["height"] == curve.tests


@given(st.integers(20, 500))
def test_what_is_kept_is_spread_evenly(number):
    tests = recorded(range(number)).curve().tests
    steps = [later - earlier for earlier, later in pairwise(tests[:-1])]

    assert len(tests) >= 4
    assert len(set(steps)) == 1


def test_a_peak_is_told_though_its_sample_is_thinned_out():
    curve = recorded([1] * 10 + [99] + [1] * 90).curve()

    assert curve.peaks == {"height": 99}
    assert curve.peak_tests == {"height": "test_10"}
    assert 99 not in curve.series["height"]


def test_what_was_not_read_is_no_number():
    curve = recorded([ABSENT, 7]).curve()

    assert curve.series == {"height": (None, 7)}


def test_what_was_never_read_is_not_told():
    assert recorded([ABSENT, ABSENT]).curve().series == {}


@pytest.mark.parametrize("most", [0, 2, 7])
def test_a_number_of_samples_that_cannot_be_halved_is_refused(most):
    with pytest.raises(ValueError, match=rf"an even number of at least 4 \(got {most}\)"):
        CurveRecorder(("height",), most)
