"""Tests that are asked what they keep, though nothing is suspected of them."""

from __future__ import annotations

import pytest

from pytest_leakguard.model import Finding, Result
from pytest_leakguard.monitor.spots import SpotChecks
from pytest_leakguard.monitor.suspects import Again

CHAIN = Finding(
    type="app.Node",
    objects_per_run=1,
    bytes_per_run=1072,
    holder="app.head",
    pattern="growing chain",
    advice="cut it",
)
KEEPS = Again(gains=(4, 4, 4), goes_on=True, finding=CHAIN)
NOTHING = Again(gains=(0, 0, 0))


@pytest.fixture
def spots():
    return SpotChecks({"blocks": lambda: 10, "fds": lambda: 3})


def ask(spots, test, again, seconds=0.1):
    suspects = spots.suspects()
    for suspect in suspects:
        suspect.retrials.take(test, again)
    spots.take(test, suspects, seconds)


def test_a_share_of_the_time_is_spent(spots):
    assert not spots.affords(10.0)
    assert spots.affords(30.0)
    assert not spots.affords(30.0, own_seconds=1.0)

    ask(spots, "test_a", NOTHING, seconds=0.2)

    assert not spots.affords(60.0)
    assert spots.affords(120.0)


def test_only_counters_of_the_heap_are_asked_about(spots):
    (memory,) = spots.suspects()

    assert memory.amount() == 10
    assert memory.is_accused(Result(verdict="leak", growth={"blocks": 2}))
    assert not memory.is_accused(Result(verdict="leak", growth={"fds": 2, "blocks": 0}))


def test_what_two_tests_keep_is_a_leak_of_the_session(spots):
    ask(spots, "test_a", NOTHING)
    ask(spots, "test_b", KEEPS, seconds=4.0)
    ask(spots, "test_c", KEEPS, seconds=4.0)

    (spread,) = spots.spread()
    assert (spread.holder, spread.type, spread.asked) == ("app.head", "app.Node", 3)
    assert spread.names == ("test_b", "test_c")
    assert spread.advice == "growing chain: cut it"
    assert spots.notes() == []
    assert not spots.affords(1e6)  # that is enough
    assert spots.spent_seconds == pytest.approx(8.1)


def test_what_one_test_keeps_is_noted(spots):
    ask(spots, "test_b", KEEPS)

    assert spots.spread() == ()
    assert spots.notes() == [
        "test_b keeps more with each run, held by app.head: --leak-check tells more"
    ]


def test_tests_that_cannot_be_run_again_are_not_counted(spots):
    ask(spots, "test_a", Again(reason="the test starts a process"))
    ask(spots, "test_b", KEEPS)
    ask(spots, "test_c", KEEPS)

    assert spots.spread()[0].asked == 2


def test_there_is_an_end_to_asking(spots):
    for number in range(24):
        assert spots.affords(1e6)
        ask(spots, f"test_{number}", NOTHING)

    assert not spots.affords(1e6)
