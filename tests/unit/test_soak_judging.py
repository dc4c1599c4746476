"""What is said of soaks whose truth is known? On injected numbers, never on memory."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_leakguard.soak.judging import Seen, certain, is_exact, look
from pytest_leakguard.soak.running import MOST_SAMPLES, spread

Retained = Callable[[int], int]


def series(retained: Retained, runs: int) -> tuple[list[int], list[int]]:
    """Sample what a test retains as a soak does: in batches, and thinned out."""
    done, samples, batch, taken = [0], [retained(0)], 1, 0
    while done[-1] < runs:
        done.append(min(done[-1] + spread(batch, taken), runs))
        samples.append(retained(done[-1]))
        taken += 1
        if len(done) == MOST_SAMPLES:
            del done[1::2], samples[1::2]
            batch *= 2
    return done, samples


def soaked(retained: Retained, runs: int, **more: int) -> Seen:
    return look(*series(retained, runs), **more)


def leak(amount: int, period: int, phase: int = 0) -> Retained:
    return lambda runs: amount * ((runs + phase) // period)


def sawtooth(amount: int, period: int, phase: int = 0) -> Retained:
    return lambda runs: amount * ((runs + phase) % period)


def by_chance(seed: int, share: float) -> Retained:
    """Return what is kept by one run in so many, drawn at random."""
    draw = random.Random(seed)
    kept = [0]

    def retained(runs: int) -> int:
        while len(kept) <= runs:
            kept.append(kept[-1] + (draw.random() < share))
        return kept[runs]

    return retained


def drawn_from(seed: int, keys: int) -> Retained:
    """Return the size of a store that is given a random one of so many keys on each run."""
    draw = random.Random(seed)
    known: set[int] = set()
    sizes = [0]

    def retained(runs: int) -> int:
        while len(sizes) <= runs:
            known.add(draw.randrange(keys))
            sizes.append(len(known))
        return sizes[runs]

    return retained


amounts = st.integers(min_value=1, max_value=10**6)
lengths = st.sampled_from([64, 300, 2_000, 20_000])


@given(constant=st.integers(-(10**9), 10**9), runs=lengths)
def test_a_constant_is_flat(constant, runs):
    seen = soaked(lambda _: constant, runs)

    assert seen.outlook == "flat"
    assert (seen.slope.value, seen.slope.low, seen.slope.high) == (0, 0, 0)


@settings(deadline=None, max_examples=20)
@given(amount=amounts, runs=lengths)
def test_a_leak_on_every_run_grows_and_is_exact(amount, runs):
    seen = soaked(leak(amount, 1), runs)

    assert seen.outlook == "growing"
    assert seen.exact
    assert seen.slope.value == amount
    assert seen.events == 1


@settings(deadline=None, max_examples=20)
@given(amount=amounts, phase=st.integers(0, 49))
def test_a_leak_on_every_fiftieth_run_grows_with_its_rate_in_the_interval(amount, phase):
    seen = soaked(leak(amount, 50, phase), 10_000)

    assert seen.outlook == "growing"
    assert seen.regular
    assert seen.slope.low * 0.99 <= amount / 50 <= seen.slope.high * 1.01
    assert 0.009 <= seen.events <= 0.021


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_by_chance_on_one_run_in_fifty_grows(seed):
    assert soaked(by_chance(seed, 1 / 50), 50_000).outlook == "growing"


@settings(deadline=None, max_examples=20)
@given(amount=amounts, period=st.sampled_from([7, 20, 200]), phase=st.integers(0, 199))
def test_a_sawtooth_never_grows(amount, period, phase):
    assert soaked(sawtooth(amount, period, phase), 10_000).outlook in ("flat", "ended")


@pytest.mark.parametrize("power", range(5, 13))
@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_a_sawtooth_is_not_told_by_samples_that_keep_in_step_with_it(power, beside):
    teeth = sawtooth(1, 2**power + beside)

    assert certain(*series(teeth, 100_000)) is None
    assert soaked(teeth, 100_000).outlook in ("flat", "ended")


@settings(deadline=None, max_examples=20)
@given(amount=amounts, period=st.sampled_from([7, 20, 200]), phase=st.integers(0, 199))
def test_a_leak_beneath_a_sawtooth_grows_once_it_is_larger(amount, period, phase):
    beneath, teeth = leak(amount, 1), sawtooth(amount, period, phase)

    assert soaked(lambda runs: beneath(runs) + teeth(runs), 10_000).outlook == "growing"


@settings(deadline=None, max_examples=20)
@given(amount=amounts, end=st.sampled_from([300, 1_000, 4_096]))
def test_growth_that_has_stopped_has_ended(amount, end):
    assert soaked(lambda runs: amount * min(runs, end), 10_000).outlook in ("ended", "flat")


@given(amount=amounts)
def test_a_warm_up_of_nearly_half_the_soak_convicts_nobody(amount):
    assert soaked(lambda runs: amount * min(runs, 4_500), 10_000).outlook == "ended"


@pytest.mark.parametrize("seed", range(5))
def test_a_store_that_fills_up_with_keys_drawn_at_random_never_grows(seed):
    assert soaked(drawn_from(seed, 500), 5_000).outlook in ("ended", "unclear", "flat")
    assert soaked(drawn_from(seed, 5_000), 10_000).outlook == "unclear"


def test_random_samples_are_flat_or_have_ended():
    draw = random.Random(7)

    said = {soaked(lambda _: draw.randrange(1000), 5_000).outlook for _ in range(100)}

    assert said <= {"flat", "ended"}


def test_what_once_came_down_by_more_than_it_rises_is_unclear():
    assert soaked(sawtooth(1, 1_500, 900), 2_000).outlook == "unclear"


def test_a_leak_that_is_smaller_than_what_comes_and_goes_is_unclear():
    beneath, teeth = leak(1, 20), sawtooth(2, 200)

    assert soaked(lambda runs: beneath(runs) + teeth(runs), 10_000).outlook == "unclear"


def test_a_leak_that_follows_a_steeper_warm_up_grows():
    warm, beneath = (lambda runs: 5 * min(runs, 1_000)), leak(1, 50)

    assert soaked(lambda runs: warm(runs) + beneath(runs), 20_000).outlook == "growing"


def test_a_few_late_steps_are_no_growth():
    steps = (6_000, 8_000)

    assert soaked(lambda runs: sum(runs >= step for step in steps), 10_000).outlook == "flat"


@settings(deadline=None, max_examples=20)
@given(amount=amounts, offset=st.integers(-(10**9), 10**9), period=st.sampled_from([1, 50]))
def test_an_offset_changes_nothing(amount, offset, period):
    runs, samples = series(leak(amount, period), 5_000)

    assert look(runs, [sample + offset for sample in samples]) == look(runs, samples)


@settings(deadline=None, max_examples=20)
@given(amount=amounts, more=st.integers(1, 1000), period=st.sampled_from([1, 3, 50]))
def test_more_growth_never_turns_a_leak_sound(amount, more, period):
    runs, samples = series(leak(amount, period), 5_000)
    grown = [sample + more * run for run, sample in zip(runs, samples, strict=True)]

    assert look(runs, samples).outlook == "growing"
    assert look(runs, grown).outlook == "growing"


@given(amount=st.integers(1, 100))
def test_what_is_allowed_is_not_growth(amount):
    assert soaked(leak(amount, 1), 2_000, allowed=amount).outlook == "flat"
    assert soaked(leak(amount, 1), 2_000, allowed=amount - 1).outlook == "growing"


def test_steps_below_the_unit_are_not_growth():
    assert soaked(leak(1, 50), 10_000, unit=16).outlook != "growing"
    assert soaked(leak(16, 50), 10_000, unit=16).outlook == "growing"


def test_few_samples_that_rise_are_unclear_and_never_growth():
    assert soaked(leak(1, 1), 20).outlook == "unclear"
    assert soaked(leak(1, 50), 20).outlook == "flat"


# Certainty before the time is over


@given(amount=amounts, runs=st.sampled_from([100, 5_000]))
def test_growth_by_the_same_on_each_run_is_certain(amount, runs):
    seen = certain(*series(leak(amount, 1), runs))

    assert seen is not None
    assert seen.exact


@settings(deadline=None, max_examples=20)
@given(amount=amounts, phase=st.integers(0, 49))
def test_growth_in_a_rhythm_is_certain_and_not_exact(amount, phase):
    seen = certain(*series(leak(amount, 50, phase), 5_000))

    assert seen is not None
    assert not seen.exact


@pytest.mark.parametrize(
    "retained",
    [
        lambda _: 3,
        sawtooth(1, 20),
        sawtooth(1, 200),
        lambda runs: min(runs, 1_000),
        lambda runs: min(runs, 3_000),
        drawn_from(1, 5_000),
        leak(5_000, 1_000),
    ],
    ids=["constant", "sawtooth", "long sawtooth", "cache", "large cache", "store", "bursts"],
)
def test_what_has_bent_or_comes_in_bursts_is_not_certain(retained):
    assert certain(*series(retained, 5_000)) is None


def test_growth_that_is_allowed_is_not_certain():
    assert certain(*series(leak(3, 1), 5_000), allowed=3) is None


@pytest.mark.parametrize(
    ("samples", "exact"), [([5, 7, 11], True), ([5, 7, 10], False), ([5, 5, 5], True)]
)
def test_exact_is_the_same_whole_number_per_run(samples, exact):
    assert is_exact([0, 1, 3], samples) is exact
