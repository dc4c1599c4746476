"""Which native code is named for what every run leaves? Injected recordings, no memray."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_leakguard.diagnosis.native_sites import add_native_sites
from pytest_leakguard.diagnosis.native_trace import Place, Site, UntraceableError, steady, trace
from pytest_leakguard.diagnosis.patterns import NATIVE
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import Finding, Frame, NativeFrame
from pytest_leakguard.runner import BrokenRunError, Trial
from pytest_leakguard.settings import Settings

RUNS = (6, 12)
TAKE = NativeFrame(function="take", file="native.c", line=4, library="/lib/libnative.so")
GRAB = NativeFrame(function="grab", file="", line=0, library="/lib/libother.so")
LINE = Frame(file="app.py", line=3, function="work", source="native.take(3000)")
SITE = Site((TAKE,), (("app.py", 3), ("test_app.py", 7)))
OTHER = Site((GRAB,), (("app.py", 9), ("test_app.py", 7)))
MEMORY = Finding(
    type="native memory",
    objects_per_run=0,
    bytes_per_run=3008,
    holder="this process",
    allocated=(LINE,),
    note="9 more runs",
    pattern=NATIVE.name,
)
LOOSE = replace(MEMORY, type="list", objects_per_run=1, bytes_per_run=64)


class Subject:
    """Counts its runs, and fails from one on."""

    def __init__(self, fails_at: int = 0) -> None:
        self.runs = 0
        self._fails_at = fails_at

    def run(self) -> None:
        self.runs += 1
        if self.runs == self._fails_at:
            raise BrokenRunError("failed in call: it counts")


def trial_of(subject: Subject, *, run_seconds: float = 0.0) -> Trial:
    trial = Trial(subject=subject, settings=Settings(confirm=10), heap=Heap(frozen=False))
    trial.run_seconds = run_seconds
    return trial


def add(*places: Place, finding: Finding = MEMORY) -> Finding:
    (found,) = add_native_sites(
        [finding], trial_of(Subject()), Sources(), lambda _trial, *, python_objects: places
    )
    return found


@pytest.mark.parametrize(
    ("first", "second", "per_run"),
    [
        ((6, 600), (12, 1200), (1, 100)),
        ((3, 300), (6, 600), (0.5, 50)),
        ((2, 200), (4, 400), (1 / 3, 100 / 3)),
        ((12, 90), (24, 240), (2, 20)),
        ((1, 4800), (1, 14400), (0, 800)),
    ],
    ids=["each", "every second", "every third", "of many sizes", "one that gets larger"],
)
def test_what_each_run_leaves_once_more_is_steady(first, second, per_run):
    assert steady({SITE: first}, {SITE: second}, RUNS) == [Place(SITE, *per_run)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({SITE: (1, 100)}, {SITE: (1, 100)}),
        ({SITE: (3, 300)}, {SITE: (3, 300)}),
        ({SITE: (6, 600)}, {SITE: (8, 800)}),
        ({SITE: (6, 600)}, {}),
        ({}, {SITE: (1, 100)}),
    ],
    ids=["the last run's", "the last three runs'", "a cache that fills up", "once", "once, late"],
)
def test_what_comes_to_an_end_is_not_steady(first, second):
    assert steady(first, second, RUNS) == []


def test_a_test_is_recorded_twice_as_long_the_second_time():
    subject = Subject()
    recorded = []

    def record(run, *, python_objects):
        before = subject.runs
        run()
        recorded.append(subject.runs - before)
        return {SITE: (recorded[-1], recorded[-1] * 10)}

    places = trace(trial_of(subject), python_objects=False, record=record)

    assert recorded == [6, 12]
    assert places == [Place(SITE, 1, 10)]


def test_a_slow_test_is_recorded_for_fewer_runs():
    subject = Subject()

    def record(run, *, python_objects):
        run()
        return {}

    trace(trial_of(subject, run_seconds=0.2), python_objects=False, record=record)

    assert subject.runs == 2 + 4


@pytest.mark.parametrize(
    ("subject", "run_seconds", "told"),
    [
        (Subject(), 1.0, "its runs are too slow for memray; a longer --leak-confirm allows it"),
        (Subject(fails_at=3), 0.0, "a run under memray does not pass: failed in call: it counts"),
    ],
    ids=["slow", "failing"],
)
def test_it_is_told_why_a_test_could_not_be_recorded(subject, run_seconds, told):
    def record(run, *, python_objects):
        run()
        return {}

    with pytest.raises(UntraceableError, match=f"^{told}$"):
        trace(trial_of(subject, run_seconds=run_seconds), python_objects=False, record=record)


def test_a_finding_gets_the_native_code_and_keeps_its_own_line():
    found = add(Place(SITE, 1, 3000))

    assert found == replace(MEMORY, native=(TAKE,))


def test_a_finding_without_a_line_gets_that_of_the_python_code_too():
    found = add(Place(SITE, 1, 3000), finding=replace(MEMORY, allocated=()))

    assert [frame.line for frame in found.allocated] == [3, 7]
    assert found.fingerprint == MEMORY.fingerprint


@pytest.mark.parametrize(
    "places",
    [
        (Place(SITE, 1, 3000), Place(OTHER, 1, 1000)),
        (Place(OTHER, 1, 3008), Place(SITE, 1, 3000)),
    ],
    ids=["by its bytes", "by its line"],
)
def test_the_place_that_fits_best_is_chosen(places):
    assert add(*places).native == (TAKE,)


def test_a_place_that_takes_a_part_only_is_told_as_such():
    found = add(Place(SITE, 1, 1000))

    assert found.native == (TAKE,)
    assert found.note == "9 more runs; native code for 1,000 B of 2.9 KiB per run"


@pytest.mark.parametrize("places", [(), (Place(SITE, 1, 8),)], ids=["none", "too little"])
def test_nothing_is_guessed_where_memray_saw_nothing(places):
    found = add(*places)

    assert found.native == ()
    assert found.note == "9 more runs; memray saw nothing of it being allocated"


def test_an_object_that_native_code_made_gets_it_by_its_line_and_number():
    assert add(Place(OTHER, 1, 64), Place(SITE, 1, 64), finding=LOOSE).native == (TAKE,)
    assert add(Place(OTHER, 1, 64), finding=LOOSE).native == ()


def test_an_object_that_python_code_made_is_told_as_such():
    found = add(Place(replace(SITE, native=()), 1, 64), finding=LOOSE)

    assert found.note == "9 more runs; allocated by the interpreter itself, for Python code"


@pytest.mark.parametrize(("finding", "wanted"), [(MEMORY, False), (LOOSE, True)])
def test_what_python_hands_out_is_recorded_for_objects_only(finding, wanted):
    asked = []

    def traces(trial, *, python_objects):
        asked.append(python_objects)
        return []

    add_native_sites([finding], trial_of(Subject()), Sources(), traces)

    assert asked == [wanted]


def test_every_other_finding_stays_as_it_is_and_costs_no_run():
    held = replace(LOOSE, pattern="registry")

    def traces(trial, *, python_objects):
        raise AssertionError("it was run again")

    assert add_native_sites([held], trial_of(Subject()), Sources(), traces) == [held]


def test_a_finding_says_why_native_code_was_not_looked_for():
    held = replace(LOOSE, pattern="registry")

    def traces(trial, *, python_objects):
        raise UntraceableError("memray is at work already")

    kept, told = add_native_sites([held, MEMORY], trial_of(Subject()), Sources(), traces)

    assert kept == held
    assert told.note == "9 more runs; native code not looked for: memray is at work already"
