"""Holders under watch, test by test."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from pytest_leakguard.diagnosis.walk import referents_of
from pytest_leakguard.identity import identity_of
from pytest_leakguard.model import Finding, Frame, Result
from pytest_leakguard.monitor.looks import Candidate
from pytest_leakguard.monitor.routes import Route
from pytest_leakguard.monitor.suspects import Again
from pytest_leakguard.monitor.watch import Watched, follow

STORE = Route(root="fixture store", of_place=True, steps=())
ADDED = Again(gains=(1, 1, 1), goes_on=True)
FINDING = Finding(
    type="bytes",
    objects_per_run=1,
    bytes_per_run=1024,
    holder="app.store",
    allocated=(Frame(file="/src/app.py", line=7, function="keep", source="store.append(it)"),),
    pattern="global accumulation",
    advice="empty it",
)


def named(holder):
    return Candidate(
        holder=holder, type="list", before=0, items=1, bound="", root="app", way=(1, 2)
    )


class Owner:
    def __init__(self):
        self.items = []


def watch(container, name=None):
    """Watch the value of a place."""
    places = {"fixture store": container}
    return Watched(STORE, lambda: places, "test_before", 0, name)


def watched_through(gains, *, file=lambda number: "test_a.py"):
    """Watch a list while tests add to it, so many items each."""
    container = []
    watched = watch(container)
    for number, gain in enumerate(gains):
        del container[len(container) + min(gain, 0) :]
        container.extend([None] * max(gain, 0))
        watched.note(f"test_{number}", file(number))
    return watched


@pytest.mark.parametrize(
    "gains",
    [
        [1] * 100,
        [1, 1] * 700,  # more than there are stretches
        [3, 0] * 50,
        [1, 0, 2, 0, 1, 1] * 30,
        [1, 0, 0] * 40,  # one test in three
    ],
)
def test_growth_that_goes_on_is_steady(gains):
    assert watched_through(gains).is_steady()


@pytest.mark.parametrize(
    "gains",
    [
        [1] * 20,  # too few tests
        [5] * 12 + [0] * 100,  # warm-up
        [0] * 100,
        [30] + [0] * 99,
        ([1] * 9 + [-9]) * 20,  # filled and emptied
    ],
)
def test_growth_that_ends_or_is_rare_is_not_steady(gains):
    assert not watched_through(gains).is_steady()


def test_a_file_whose_tests_all_add_is_to_blame_though_the_session_goes_on_without():
    gains = [1] * 50 + [0] * 400

    watched = watched_through(gains, file=lambda number: f"test_{number // 50}.py")

    assert watched.is_steady()
    assert watched.found().files == {"test_0.py": (50, 50)}


def test_tests_that_add_are_named_with_the_largest_gains_first():
    found = watched_through([1, 0, 5, 1] * 10).found()

    assert found.names[:3] == ("test_2", "test_6", "test_10")
    assert (found.tests, found.watched, found.gained, found.per_test) == (30, 40, 70, 1.75)


def test_what_a_test_adds_that_is_judged_is_told_of_one_run():
    container = []
    watched = watch(container)
    for number in range(40):
        container.extend([None] * (59 if number % 2 else 0))
        watched.note(f"test_{number}", "test_a.py", 59)

    found = watched.found()
    assert (found.gained, found.per_test, found.tests) == (1180, 0.5, 20)


def test_a_holder_that_grows_steadily_wants_a_test_to_be_run_again():
    watched = watched_through([1] * 64)
    assert watched.wants_confirmation

    watched.retrials.take("test_63", ADDED)

    assert watched.found().confirmed == "test_63"
    assert not watched.wants_confirmation


def test_a_holder_is_named_and_explained_by_the_check_that_convicts_it():
    watched = watched_through([1] * 64)

    watched.retrials.take("test_63", replace(ADDED, finding=FINDING))

    found = watched.found()
    assert found.holder == "app.store"
    assert found.advice == "app.py:7 in keep; global accumulation: empty it"


@pytest.mark.parametrize(
    ("holder", "is_accused"), [("app.store", True), ("the suspect", True), ("app.other", False)]
)
def test_a_verdict_is_about_a_holder_if_it_names_it(holder, is_accused):
    watched = watch([1], named("app.store"))
    result = Result(verdict="leak", findings=(replace(FINDING, holder=holder),))

    assert watched.is_accused(result) == is_accused


def test_a_holder_that_is_idle_for_long_may_be_forgotten():
    assert watched_through([5, 5, 0] + [0] * 70).is_idle
    assert not watched_through([1] * 100 + [0] * 20).is_idle


def test_a_confirmed_holder_is_neither_forgotten_nor_forgiven():
    watched = watched_through([1] * 64)
    watched.retrials.take("test_63", ADDED)
    for number in range(200):
        watched.note(f"test_later_{number}", "test_a.py")

    assert watched.is_steady()
    assert not watched.is_idle


def test_a_confirmed_holder_that_is_emptied_later_is_no_leak():
    watched = watched_through([1] * 64)
    watched.retrials.take("test_63", ADDED)
    watched.container.clear()
    watched.note("test_last", "test_a.py")

    assert not watched.is_steady()


def test_a_holder_that_is_not_there_any_more_has_no_items():
    places = {"fixture store": [1, 2]}
    watched = Watched(STORE, lambda: places, "test_before", 0)
    assert watched.amount() == 2

    places.clear()

    assert watched.amount() == 0
    assert watched.container is None


def way_to(*objects):
    return tuple(map(identity_of, objects))


def candidate(root, way):
    return Candidate(holder="h", type="list", before=0, items=9, bound="", root=root, way=way)


def test_a_container_is_found_again_by_the_way_to_it(monkeypatch):
    module, owner = ModuleType("some_module"), Owner()
    module.owner = owner
    monkeypatch.setitem(__import__("sys").modules, "some_module", module)
    between = [one for one in referents_of(owner) if type(one) is dict]
    way = way_to(module, vars(module), owner, *between, owner.items)

    route = follow(candidate("some_module", way), {})

    assert route.name == "some_module.owner.items"
    assert route.end(dict) is owner.items


def test_a_container_that_was_replaced_is_not_found(monkeypatch):
    module, old = ModuleType("some_module"), [1]
    module.items = old
    monkeypatch.setitem(__import__("sys").modules, "some_module", module)
    way = way_to(module, vars(module), old)
    module.items = [2]

    assert follow(candidate("some_module", way), {}) is None


def test_a_container_below_a_fixture_is_found_by_the_fixture_value():
    owner, extras, of_extras = Owner(), {}, {}
    between = [one for one in referents_of(owner) if type(one) is dict]
    way = way_to(extras, of_extras, owner, *between, owner.items)

    places = {"fixture bus": owner}
    route = follow(candidate("", way), places)

    assert route.name == "fixture bus.items"
    assert route.end(lambda: places) is owner.items
    assert follow(candidate("", way), {}) is None
