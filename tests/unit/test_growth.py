"""Is the line named that made a container grow for good, and is the last line the test's own?"""

from __future__ import annotations

import inspect

from pytest_leakguard.diagnosis.growth import find_growing_lines
from pytest_leakguard.diagnosis.sites import Sources

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

    (grown,) = find_growing_lines(framework, [kept], sources, [allocated])

    assert (grown[0].function, grown[0].line) == ("test_that_leaks", line_of(test_that_leaks))


def test_what_is_put_in_and_taken_out_by_one_line_is_no_growth():
    def balanced():
        kept.append(1), kept.pop()

    (grown,) = find_growing_lines(balanced, [kept], Sources())

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
