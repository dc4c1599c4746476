"""Which tests are left out of a check, by a sample or a budget?"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.model import Result
from pytest_leakguard.plugin.choice import Budget, Sample, read_costs, write_costs
from pytest_leakguard.reports import TestOutcome
from pytest_leakguard.units import parse_percentage

NAMES = [f"test_it.py::test_{number}" for number in range(2000)]


def chosen(sample: Sample) -> set[str]:
    return {name for name in NAMES if not sample.refusal(name)}


@pytest.mark.parametrize("percent", [1, 25, 100])
def test_a_sample_has_about_the_share_that_was_asked_for(percent):
    share = len(chosen(Sample(percent=percent, seed=3))) / len(NAMES)

    assert share == pytest.approx(percent / 100, abs=0.03)


def test_a_sample_is_drawn_by_its_seed_alone():
    assert chosen(Sample(percent=10, seed=3)) == chosen(Sample(percent=10, seed=3))
    assert chosen(Sample(percent=10, seed=3)) != chosen(Sample(percent=10, seed=4))
    assert chosen(Sample(percent=10, seed=3)) < chosen(Sample(percent=20, seed=3))


def test_who_is_not_in_the_sample_is_told_so():
    sample = Sample(percent=0.5, seed=3)
    (left_out, *_) = set(NAMES) - chosen(sample)

    assert sample.refusal(left_out) == "not in the sample of 0.5 %"


@pytest.mark.parametrize("given", ["10%", "10 %", "10", 10, 10.0])
def test_percentages_are_read(given):
    assert parse_percentage("--leak-sample", given) == 10


@pytest.mark.parametrize("given", ["0%", "101", "-3", "ten", "", "10 %%", None, True])
def test_what_is_no_percentage_is_refused(given):
    with pytest.raises(InvalidSettingError, match=r"--leak-sample: expected a percentage above 0"):
        parse_percentage("--leak-sample", given)


def test_a_budget_is_spent_on_the_cheapest_tests_that_are_known():
    budget = Budget(10, {"dear": 8, "cheap": 1, "fair": 4})
    budget.plan(["dear", "fair", "cheap"])

    assert budget.refusal("dear", 0.1) == "beyond the budget of 10.0 s"
    assert budget.refusal("fair", 0.1) == ""
    assert budget.refusal("cheap", 0.1) == ""


def test_unknown_tests_share_what_the_known_ones_leave():
    budget = Budget(10, {"known": 4})
    budget.plan(["known", "quick", "slow", "last"])

    assert budget.refusal("slow", 1.0)  # four more runs are 4 s, and its share is 2 s
    assert budget.refusal("quick", 0.5) == ""
    budget.spend(1)
    assert budget.refusal("known", 1) == ""
    budget.spend(4)
    assert budget.refusal("last", 1.0) == ""  # 5 s are left for it alone


def test_nothing_is_checked_once_all_is_spent():
    budget = Budget(1, {"known": 0.5})
    budget.plan(["first", "known", "unknown"])
    budget.refusal("first", 0.001)
    budget.spend(3)

    assert budget.left == 0
    assert budget.refusal("known", 0)
    assert budget.refusal("unknown", 0)


def test_processes_share_out_the_known_tests():
    costs = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}
    alone, two = Budget(2, costs), Budget(2, costs, processes=2)
    for budget in (alone, two):
        budget.plan(costs)

    assert [bool(alone.refusal(name, 0)) for name in costs] == [False, False, True, True]
    assert [bool(two.refusal(name, 0)) for name in costs] == [False] * 4


class Cache(dict[str, object]):
    """As pytest's own, as far as it is asked."""

    def set(self, name: str, value: object) -> None:
        self[name] = value


def outcome(name: str, seconds: float, executions: int) -> TestOutcome:
    result = Result(verdict="clean", executions=executions, seconds=seconds)
    return TestOutcome(nodeid=name, kind="suite", result=result)


def test_costs_are_kept_for_the_next_session_and_those_of_leaks_only_in_part():
    config = SimpleNamespace(cache=Cache())

    write_costs(config, [outcome("a", 0.5, 5), outcome("b", 5.0, 50)])
    write_costs(config, [outcome("a", 0.25, 5)])

    assert read_costs(config) == {"a": 0.25, "b": 0.5}


@pytest.mark.parametrize("kept", [None, [], {"a": "long"}, {"a": None}])
def test_a_cache_that_is_spoilt_or_missing_is_as_good_as_none(kept):
    assert read_costs(SimpleNamespace(cache=Cache({"leakguard/seconds": kept}))) == {}
    assert read_costs(SimpleNamespace()) == {}
    write_costs(SimpleNamespace(), [outcome("a", 0.5, 5)])
