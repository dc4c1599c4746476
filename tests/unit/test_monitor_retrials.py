"""Tests that are run again for what they seem to make grow: what is counted, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_leakguard.model import Finding, Result
from pytest_leakguard.monitor.retrial import heard, run_again
from pytest_leakguard.monitor.suspects import Again, Retrials
from pytest_leakguard.runner import BrokenRunError

FINDING = Finding(type="bytes", objects_per_run=1, bytes_per_run=1024, holder="app.store")
ADDED = Again(gains=(1, 1, 1), goes_on=True)
FLAT = Again(gains=(0, 0, 0))


class Growing:
    """A suspect that is a list, and the subject whose runs add to it."""

    def __init__(self, gains, *, name="app.store"):
        self.items = []
        self.retrials = Retrials()
        self._gains = iter(gains)
        self.known_bound = ""
        self._name = name

    def run(self):
        self.items += [None] * next(self._gains, 0)

    def amount(self):
        return len(self.items)

    def bound(self):
        return self.known_bound

    def roots(self):
        return {"the suspect": self.items}

    def is_accused(self, result):
        return self.finding(result) is not None

    def finding(self, result):
        return next((f for f in result.findings if f.holder in (self._name, "the suspect")), None)


def retried(suspect, *verdicts):
    """Run a suspect again that is judged so, once and twice; return it with what was asked."""
    asked = []
    answers = iter(verdicts)

    def check(_, roots):
        asked.append([*roots])
        return next(answers)

    return heard(run_again(suspect, [suspect], check, runs=6), 0), asked


def leak(holder):
    return Result(verdict="leak", findings=(replace(FINDING, holder=holder),))


@pytest.mark.parametrize("gains", [(), (1,), (0, 5)])
def test_what_adds_nothing_time_and_again_is_not_judged(gains):
    again, asked = retried(Growing(gains))

    assert not again.adds
    assert asked == []


def test_what_the_check_convicts_by_name_goes_on_growing():
    again, asked = retried(Growing([1] * 6), leak("app.store"))

    assert again == Again(gains=(1,) * 6, goes_on=True, finding=FINDING)
    assert asked == [[]]


def test_what_a_leak_does_not_name_is_judged_by_itself():
    again, asked = retried(Growing([1] * 6), leak("app.other"), leak("the suspect"))

    assert again.goes_on
    assert again.finding is None
    assert asked == [[], ["the suspect"]]


def test_what_only_stands_beside_a_leak_is_none():
    bounded = Result(verdict="bounded", reason="keeps no more than 1,000 items")

    again, _ = retried(Growing([1] * 6), leak("app.other"), bounded)

    assert not again.goes_on


def test_a_bound_that_the_check_knows_is_the_reason():
    bounded = Result(verdict="bounded", reason="keeps no more than 1,000 items")

    again, _ = retried(Growing([1] * 6), bounded)

    assert again == Again(gains=(1,) * 6, reason="keeps no more than 1,000 items")


def test_what_has_a_bound_is_not_filled_to_see_whether_it_keeps_it():
    suspect = Growing([1] * 6)
    suspect.known_bound = "functools.lru_cache: 7 of 512 entries"

    again, asked = retried(suspect)

    assert again == Again(gains=(1,) * 6, reason="functools.lru_cache: 7 of 512 entries")
    assert asked == []


def test_a_test_that_does_not_pass_again_says_nothing():
    class Broken(Growing):
        def run(self):
            raise BrokenRunError("failed in call: assert 0")

    again, asked = retried(Broken([]))

    assert again == Again(reason="failed in call: assert 0")
    assert asked == []


def test_what_a_test_adds_again_confirms():
    retrials = Retrials()
    assert retrials.is_open

    retrials.take("test_63", ADDED)

    assert retrials.confirmed == "test_63"
    assert not retrials.is_open
    assert not retrials.is_decided


def test_three_tests_that_add_nothing_again_acquit():
    retrials = Retrials()
    for _ in range(3):
        assert retrials.wants("test_a.py")
        retrials.take("test_a.py::test_63", FLAT)

    assert retrials.acquitted == "3 tests that had added to it added nothing when run again"
    assert not retrials.wants("test_a.py")


def test_one_test_of_each_other_file_is_tried_as_well_up_to_a_number():
    retrials = Retrials()
    for _ in range(3):
        retrials.take("test_a.py::test_63", FLAT)
    for number in range(5):
        assert retrials.wants(f"test_{number}.py")
        retrials.take(f"test_{number}.py::test_1", FLAT)
        assert not retrials.wants(f"test_{number}.py")

    assert not retrials.wants("test_z.py")
    assert retrials.is_decided


def test_one_test_that_adds_again_outweighs_one_that_does_not():
    retrials = Retrials()

    retrials.take("test_1", FLAT)
    retrials.take("test_2", ADDED)

    assert (retrials.confirmed, retrials.acquitted) == ("test_2", "")


def test_a_bound_holds_for_all_tests():
    retrials = Retrials()

    retrials.take("test_1", Again(gains=(1, 1), reason="keeps no more than 8 items"))

    assert retrials.is_decided
    assert retrials.acquitted == "keeps no more than 8 items"


def test_tests_that_cannot_be_run_again_leave_it_unproven_and_others_are_tried():
    retrials = Retrials()
    for number in range(20):
        for _ in range(2):
            assert retrials.wants(f"test_{number}.py")
            retrials.take(f"test_{number}.py::test_63", Again(reason="the test starts a process"))
        assert not retrials.wants(f"test_{number}.py")

    assert retrials.is_decided
    assert retrials.acquitted == (
        "unproven, its tests could not be run again: the test starts a process"
    )
