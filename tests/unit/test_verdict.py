"""What do the rules say of series whose truth is known? On injected numbers, never on memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_leakguard.verdict import (
    Judgement,
    is_flat,
    is_rising,
    judge_batches,
    largest_fall,
    less_allowed,
    retained_floors,
)

#: The batches of a suspect for which there is time, and how often its screen ran it before.
SIZES = (5, 7, 11, 13)
SCREENED = 8

amounts = st.integers(min_value=1, max_value=10**6)
offsets = st.integers(min_value=-(10**9), max_value=10**9)
series = st.lists(st.integers(min_value=0, max_value=10**6), min_size=4, max_size=30)


def judge(retained: Callable[[int], int], sizes: Sequence[int] = SIZES) -> Judgement:
    """Judge what a test retains after so many runs, screen and batches one after the other."""
    screened = [retained(run) for run in range(SCREENED + 1)]
    done = [SCREENED]
    for size in sizes:
        done.append(done[-1] + size)
    steps = [after - before for before, after in pairwise(screened)]
    return judge_batches(sizes, [retained(runs) for runs in done], steps=steps)


def leak(amount: int, period: int, phase: int) -> Callable[[int], int]:
    return lambda runs: amount * ((runs + phase) // period)


def sawtooth(amount: int, period: int, phase: int) -> Callable[[int], int]:
    return lambda runs: amount * ((runs + phase) % period)


# The screen


@given(constant=offsets, length=st.integers(min_value=4, max_value=30))
def test_a_constant_is_flat(constant, length):
    assert is_flat([constant] * length, 3)
    assert not is_rising([constant] * length, 1)


@given(samples=series, offset=offsets, steps=st.integers(min_value=1, max_value=5))
def test_an_offset_changes_nothing_in_the_screen(samples, offset, steps):
    moved = [sample + offset for sample in samples]

    assert is_flat(moved, steps) == is_flat(samples, steps)
    assert is_rising(moved, steps) == is_rising(samples, steps)


@given(samples=series, growth=st.integers(min_value=0, max_value=1000))
def test_more_growth_never_makes_a_rising_series_flat(samples, growth):
    more = [sample + growth * run for run, sample in enumerate(samples)]

    assert is_flat(samples, 3) or not is_flat(more, 3)
    assert not is_rising(samples, 3) or is_rising(more, 3)


@given(amount=amounts, period=st.integers(1, 3), phase=st.integers(0, 5), length=st.integers(4, 40))
def test_a_leak_of_period_one_two_or_three_is_never_flat_over_three_steps(
    amount, period, phase, length
):
    samples = [leak(amount, period, phase)(run) for run in range(length)]

    assert not is_flat(samples, 3)


def test_a_leak_of_period_four_may_be_flat_over_three_steps():
    assert is_flat([leak(1, 4, 0)(run) for run in range(4)], 3)


@pytest.mark.parametrize(
    ("samples", "flat"),
    [
        ([5], False),
        ([5, 5, 5], False),
        ([5, 5, 5, 5], True),
        ([9, 5, 5, 5, 5], True),
        ([1, 9, 9, 9, 9], True),
        ([5, 6, 5, 6, 5, 6], False),
        ([5, 6, 5, 6, 5], False),
        ([5, 5, 5, 6], False),
        ([7, 6, 5, 4], True),
        ([0, 80, 160, 240, 320, -176], False),
        ([0, 80, 160, 240, 320, 10], False),
    ],
)
def test_flat_is_what_three_steps_have_not_raised(samples, flat):
    assert is_flat(samples, 3) is flat


@pytest.mark.parametrize(
    ("samples", "rising"),
    [([], False), ([1], False), ([1, 2], True), ([1, 2, 2], False), ([3, 1, 2], True)],
)
def test_rising_looks_at_the_last_steps_only(samples, rising):
    assert is_rising(samples, 1) is rising


@given(samples=series)
def test_a_retained_floor_is_the_lowest_sample_from_there_on(samples):
    floors = retained_floors(samples)

    assert floors == sorted(floors)
    assert floors[-1] == samples[-1]
    assert floors[0] == min(samples)
    assert all(floor <= sample for floor, sample in zip(floors, samples, strict=True))


def test_a_retained_floor_of_a_sawtooth_is_flat_and_that_of_a_leak_rises():
    assert retained_floors([0, 3, 6, 0, 3, 6, 0]) == [0, 0, 0, 0, 0, 0, 0]
    assert retained_floors([0, 3, 2, 5, 4, 7]) == [0, 2, 2, 4, 4, 7]
    assert retained_floors([]) == []


def test_what_is_allowed_is_taken_off_by_runs_not_by_samples():
    assert less_allowed([10, 14, 24], [0, 2, 7], 2) == [10, 10, 10]


# The batches


@given(amount=amounts, phase=st.integers(0, 50))
def test_a_leak_on_every_run_is_convicted_with_the_strongest_grade(amount, phase):
    judgement = judge(leak(amount, 1, phase))

    assert judgement == Judgement(status="convicted", exact=True, per_run=amount)


@given(amount=amounts, period=st.sampled_from([2, 3]), phase=st.integers(0, 5))
def test_a_leak_on_every_second_or_third_run_is_convicted(amount, period, phase):
    judgement = judge(leak(amount, period, phase))

    assert judgement.status == "convicted"
    assert judgement.per_run == pytest.approx(amount / period, rel=0.15)


@pytest.mark.parametrize("odd", range(4))
def test_a_native_leak_beside_one_odd_event_is_convicted(odd):
    sizes = (*SIZES, 17)
    grown = [416 * size + (3_000 if number == odd else 0) for number, size in enumerate(sizes)]

    judgement = judge_batches(sizes, [0, *accumulate(grown)], steps=(416, 416, 416), unit=16)

    assert judgement.status == "convicted"


def test_an_allocator_that_fills_its_caches_is_acquitted():
    grown = [600 * 5, 300 * 7, 150 * 11, 70 * 13]

    judgement = judge_batches(SIZES, [0, *accumulate(grown)], steps=(640, 620, 610), unit=16)

    assert judgement.status == "acquitted"


def test_a_leak_on_two_runs_of_three_by_chance_is_convicted_as_random():
    draw = random.Random(4)
    sizes = (*SIZES, 17, 19, 23, 29, 31, 37, 41, 43, 47)
    readings = [0]
    for size in sizes:
        readings.append(readings[-1] + sum(draw.random() < 2 / 3 for _ in range(size)))

    judgement = judge_batches(sizes, readings, steps=(1, 0, 1, 1))

    assert judgement.status == "convicted"
    assert judgement.random
    assert not judgement.exact


@given(amount=amounts, period=st.sampled_from([7, 20]), phase=st.integers(0, 19))
def test_a_sawtooth_of_seven_or_twenty_runs_is_never_convicted(amount, period, phase):
    assert judge(sawtooth(amount, period, phase)).status != "convicted"


@given(amount=amounts, period=st.integers(2, 8), phase=st.integers(0, 8))
def test_a_short_sawtooth_is_never_convicted(amount, period, phase):
    assert judge(sawtooth(amount, period, phase)).status != "convicted"


@given(amount=amounts, end=st.integers(min_value=0, max_value=SCREENED + sum(SIZES) - 14))
def test_growth_that_has_stopped_is_never_convicted(amount, end):
    assert judge(lambda runs: amount * min(runs, end)).status != "convicted"


@given(amount=amounts, end=st.integers(min_value=0, max_value=SCREENED + 5 + 7))
def test_growth_that_stopped_two_batches_ago_is_acquitted(amount, end):
    judgement = judge(lambda runs: amount * min(runs, end))

    assert judgement == Judgement(status="acquitted", exact=False, per_run=0.0)


@given(constant=offsets)
def test_a_constant_is_acquitted(constant):
    assert judge(lambda runs: constant).status == "acquitted"


@given(amount=amounts)
def test_one_growth_at_once_is_acquitted(amount):
    assert judge(lambda runs: amount * (runs > SCREENED)).status == "acquitted"


@given(amount=amounts, batches=st.integers(3, 4))
def test_what_grows_once_per_reading_and_not_per_run_is_not_exact(amount, batches):
    readings = [amount * number for number in range(batches + 1)]

    assert not judge_batches(SIZES[:batches], readings, steps=[amount] * SCREENED).exact


@given(readings=st.lists(st.integers(0, 10**6), min_size=5, max_size=5), offset=offsets)
def test_an_offset_changes_nothing_in_the_batches(readings, offset):
    moved = [reading + offset for reading in readings]

    assert judge_batches(SIZES, moved).status == judge_batches(SIZES, readings).status
    assert judge_batches(SIZES, moved).exact == judge_batches(SIZES, readings).exact


@given(
    readings=st.lists(st.integers(0, 1000), min_size=5, max_size=5),
    growth=st.integers(min_value=0, max_value=1000),
)
def test_more_growth_never_turns_a_leak_clean(readings, growth):
    done = (0, 5, 12, 23, 36)
    more = [reading + growth * runs for reading, runs in zip(readings, done, strict=True)]

    if judge_batches(SIZES, readings).status == "convicted":
        assert judge_batches(SIZES, more).status != "acquitted"


@given(amount=amounts, allowed=st.integers(0, 10**6))
def test_growth_within_the_limit_is_acquitted_and_beyond_it_convicted(amount, allowed):
    readings = [amount * runs for runs in (0, 5, 12, 23, 36)]

    status = judge_batches(SIZES, readings, allowed=allowed).status

    assert status == ("acquitted" if amount <= allowed else "convicted")


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_fewer_than_three_batches_convict_nobody(batches):
    readings = [sum(SIZES[:number]) for number in range(batches + 1)]

    assert judge_batches(SIZES[:batches], readings).status == "open"


def test_a_filling_cache_bends_and_stays_open():
    readings = [0, 50, 110, 150, 165]

    assert judge_batches(SIZES, readings, steps=[10] * SCREENED).status == "open"


def test_an_odd_event_beside_a_leak_does_not_hide_it():
    readings = [0, 10, 24, 47, 73]  # two per run, and once a block more

    judgement = judge_batches(SIZES, readings, steps=[2, 2, 3, 2, 2, 2])

    assert (judgement.status, judgement.exact, judgement.per_run) == ("convicted", False, 2.0)


def test_native_memory_lost_on_every_third_run_is_counted_in_quanta():
    sizes = (5, 7, 11, 13)
    counts = (2, 2, 4, 4)
    readings = [0]
    for count in counts:
        readings.append(readings[-1] + count * 4112)

    every_third = judge_batches(sizes, readings, steps=(0, 0, 4112, 0, 0, 4112, 0, 0), unit=16)
    once = judge_batches(sizes, readings, steps=(0, 0, 320, 0, 0, 0, 0, 0), unit=16)

    assert every_third.status == "convicted"
    assert once.status == "open"


@given(series)
def test_the_largest_fall_is_that_from_one_sample_to_any_later_one(samples):
    falls = [before - after for place, before in enumerate(samples) for after in samples[place:]]

    assert largest_fall(samples) == max(falls)
