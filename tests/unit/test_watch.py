"""Is the line named that made something grow for good, and is the last line the test's own?"""

from __future__ import annotations

import inspect

from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.diagnosis.watch import Watchable, watch

kept: list[object] = []


def set_up():
    kept.append("balanced")


def test_that_leaks():
    kept.append("leaked")


test_that_leaks.__test__ = False  # called by the framework below, not collected


def tear_down():
    kept.remove("balanced")


def framework():
    set_up()
    test_that_leaks()
    tear_down()


def line_of(function, offset=1):
    return inspect.getsourcelines(function)[1] + offset


def test_of_two_lines_that_add_as_much_the_one_near_the_allocation_is_named():
    sources = Sources()
    allocated = (sources.frame(__file__, line_of(test_that_leaks)),)

    (grown,) = watch(framework, sources, containers=[kept], allocations=[allocated]).grown

    assert (grown[0].function, grown[0].line) == ("test_that_leaks", line_of(test_that_leaks))


def test_what_is_put_in_and_taken_out_by_one_line_is_no_growth():
    def balanced():
        kept.append(1), kept.pop()

    (grown,) = watch(balanced, Sources(), containers=[kept]).grown

    assert grown == ()


def test_frames_end_with_the_test_s_own_even_if_a_framework_runs_it():
    lines = [
        (__file__, line_of(set_up)),
        (__file__, line_of(test_that_leaks)),
        (__file__, line_of(framework, 2)),
    ]

    frames = Sources().frames(lines)

    assert [frame.function for frame in frames] == ["set_up", "test_that_leaks"]


def test_frames_without_a_test_are_all_kept():
    lines = [(__file__, line_of(set_up)), (__file__, line_of(framework))]

    assert [frame.function for frame in Sources().frames(lines)] == ["set_up", "framework"]


taken: list[int] = []


def take_and_give_back():
    taken.extend(range(1000))
    del taken[-1000:]


def take_for_good():
    taken.append(16)


def test_memory_is_put_down_to_the_line_that_takes_it_for_good():
    def run():
        take_and_give_back()
        take_for_good()

    watched = watch(run, Sources(), amounts={"native_bytes": (lambda: len(taken), 1)})

    (line,) = [one.line for one in watched.taken["native_bytes"] if one.function == "take_for_good"]
    assert line == line_of(take_for_good)


def test_memory_that_is_given_back_is_put_down_to_no_line():
    watched = watch(
        take_and_give_back, Sources(), amounts={"native_bytes": (lambda: len(taken), 0)}
    )

    assert watched.taken["native_bytes"] == ()


def test_what_is_left_open_is_told_with_the_line_that_opened_it():
    doors: dict[int, str] = {1: "old"}

    def open_one(number):
        doors[number] = f"door {number}"

    def run():
        open_one(2)
        open_one(3)
        del doors[3], doors[1]

    kind = Watchable(changes=lambda: len(doors), members=doors.copy)
    (opening,) = watch(run, Sources(), resources={"doors": kind}).opened["doors"]

    assert (opening.key, opening.text) == (2, "door 2")
    assert [frame.function.rpartition(".")[2] for frame in opening.frames[:2]] == [
        "open_one",
        "run",
    ]


def test_after_its_time_nothing_is_looked_at():
    looks = []

    def read():
        looks.append(1)
        return 0

    watch(take_for_good, Sources(), amounts={"native_bytes": (read, 1)}, seconds=-1)

    assert len(looks) <= 2  # once before, and at the call that finds the time used up
