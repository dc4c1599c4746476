"""What about a session is warned of, by injected series."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pytest_leakguard.monitor.judging import Evidence, Limits, trends_of, warnings_of
from pytest_leakguard.monitored import Curve, Growing

MIB = 2**20
HOLDER = Growing(
    holder="app.cache",
    type="dict",
    items=900,
    gained=900,
    per_test=1.0,
    began_after="test_a.py::test_1",
    tests=900,
    watched=900,
    names=tuple(f"test_a.py::test_{n}" for n in range(900)),
    files={"test_a.py": (900, 900)},
    steady=True,
    confirmed="test_a.py::test_7",
)


def curve_of(counter, values, *, tests_each=10, seconds_each=1.0):
    return Curve(
        seconds=tuple(number * seconds_each for number in range(len(values))),
        tests=tuple(number * tests_each for number in range(len(values))),
        series={counter: tuple(values)},
        peaks={counter: max(value for value in values if value is not None)},
        peak_tests={counter: "test_a.py::test_1"},
    )


def warned(curve=None, **evidence):
    limits = evidence.pop("limits", Limits())
    curve = curve or Curve()
    trends = trends_of(curve)
    found = warnings_of(Evidence(curve=curve, **evidence), trends, limits)
    return [(warning.kind, warning.text) for warning in found]


def test_a_descriptor_more_with_each_test_is_steady_growth():
    proven = {"fds": ("test_a.py::test_3", "app.py:3 in read; close it")}
    ((kind, text),) = warned(curve_of("fds", range(10, 50)), proven=proven)

    assert kind == "steady growth"
    assert text == (
        "+29 file descriptors after warm-up, +0.1 per test (correlation 1.00, limit 0.9);"
        " test_a.py::test_3 leaves one again when it is run again"
    )


def test_descriptors_that_no_test_leaves_again_may_only_fill_a_cache():
    assert warned(curve_of("fds", range(10, 50))) == []


@pytest.mark.parametrize(
    "values",
    [
        [10] * 40,
        [*range(10, 20), *[20] * 30],  # warm-up that is over
        [10 + n % 8 for n in range(40)],  # a sawtooth
        [50 - n for n in range(40)],
        [10] * 30 + [40] * 10,  # one jump
        [round(20 * math.log(1 + n)) for n in range(30)] + [68] * 30,
    ],
)
def test_what_does_not_go_on_growing_is_not_steady_growth(values):
    assert warned(curve_of("fds", values), proven={"fds": ("test_a.py::test_3", "")}) == []


def test_growth_in_few_samples_is_not_told():
    assert warned(curve_of("fds", range(7)), proven={"fds": ("test_a.py::test_3", "")}) == []


def test_a_holder_that_grows_steadily_is_named_with_its_tests():
    ((kind, text),) = warned(growing=(HOLDER,))

    assert kind == "steady growth"
    assert text == (
        "app.cache (dict) gained 900 items, +1 per test, in 900 of 900 tests that were watched:"
        " test_a.py::test_0, test_a.py::test_1, test_a.py::test_2 and 897 more;"
        " test_a.py::test_7 adds to it again when it is run again"
    )


@pytest.mark.parametrize(
    "holder",
    [
        replace(HOLDER, steady=False),
        replace(HOLDER, bound="deque: 900 of 1000 items"),
        replace(HOLDER, confirmed=""),  # it may only fill up
    ],
)
def test_a_holder_that_is_bounded_unproven_or_unsteady_is_not_warned_of(holder):
    assert warned(growing=(holder,)) == []


def test_a_resident_set_that_grows_steadily_is_no_evidence_by_itself():
    values = [50 * MIB + number * MIB // 4 for number in range(40)]

    assert warned(curve_of("rss_bytes", values), limit_bytes=2**40) == []


def test_growth_of_the_resident_set_above_the_rate_is_rapid():
    values = [50 * MIB + number * 4 * MIB for number in range(40)]
    curve = curve_of("rss_bytes", values, tests_each=1, seconds_each=2.0)

    found = warned(curve, limits=Limits(rapid_bytes=MIB))

    assert "120 MiB per minute" in dict(found)["rapid growth"]


def test_what_is_loaded_once_is_no_rapid_growth():
    values = [50 * MIB] * 30 + [500 * MIB] * 10
    curve = curve_of("rss_bytes", values, tests_each=1, seconds_each=2.0)

    assert warned(curve) == []


def test_a_short_session_has_no_rate():
    values = [50 * MIB + number * 4 * MIB for number in range(20)]

    assert warned(curve_of("rss_bytes", values, tests_each=1, seconds_each=0.1)) == []


def test_a_peak_above_the_share_of_the_memory_is_high_use():
    ((kind, text),) = warned(curve_of("rss_bytes", [90 * MIB] * 3), limit_bytes=100 * MIB)

    assert kind == "high use"
    assert text == "resident set of 90 MiB at its peak, 90 % of 100 MiB (limit 80 %)"


def test_without_a_known_limit_there_is_no_high_use():
    assert warned(curve_of("rss_bytes", [90 * MIB] * 3)) == []
