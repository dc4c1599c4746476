"""Is what a traced run keeps, takes and leaves alive told to the byte and to the object?"""

from __future__ import annotations

import asyncio
import json
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from statistics import median_low

import pytest
from test_reports import LEAK

from pytest_leakguard import check, settle
from pytest_leakguard.diagnosis.census import Births
from pytest_leakguard.diagnosis.pace import FRAMES
from pytest_leakguard.diagnosis.timeline import Timeline
from pytest_leakguard.evidence import TracedRun
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import Result
from pytest_leakguard.reports.text import failure_page, timeline_text
from pytest_leakguard.runner import tracing
from pytest_leakguard.settings import Settings

RUNS = 5


def timeline_of(action) -> tuple[TracedRun, ...]:
    """Trace runs as a diagnosis does, and return those after two warm-ups."""
    with Heap() as heap, tracing(FRAMES):
        timeline, births = Timeline(), Births()
        for run in range(1, RUNS + 3):
            births.before_run()
            timeline.before_run(heap)
            action()
            timeline.after_run()
            settle.deeply(heap)
            timeline.at_rest()
            births.after_run(run)
        return timeline.runs(births)[2:]


def explained(action) -> tuple[TracedRun, ...]:
    """Return the traced runs of a leak, without the warm-up."""
    result = check(action, confirm="5 s")
    assert result.verdict == "leak"
    assert len(result.timeline) == 9
    return result.timeline[1:]


class Knot:
    def __init__(self) -> None:
        self.itself = self


def test_a_run_that_keeps_nothing_reads_nothing():
    runs = timeline_of(lambda: [Knot(), [], {}, "text" * 100, 3.5])

    assert median_low(run.kept_bytes for run in runs) == 0
    assert min(run.kept_bytes for run in runs) == 0


def test_what_each_run_keeps_is_told_to_the_byte():
    kept: list[object] = [None] * 100  # has room: it takes no memory of its own
    places = iter(range(100))

    def leak() -> None:
        kept[next(places)] = bytearray(1000)

    sizes = [run.kept_bytes for run in timeline_of(leak)]
    # A run may do something for the first time, such as the interpreter that warms it up.
    assert min(sizes) == median_low(sizes) == sys.getsizeof(bytearray(1000))


def test_the_peak_of_a_run_is_what_it_had_in_use_at_once():
    peaks = [run.peak_bytes for run in timeline_of(lambda: [bytearray(70_000) for _ in range(3)])]

    assert all(210_000 < peak < 220_000 for peak in peaks)


def test_objects_alive_are_told_by_the_run_that_made_them():
    kept: list[object] = []
    latest: dict[str, object] = {}
    done = [0]

    def leak_on_every_second() -> None:
        latest["it"] = [[], []]
        done[0] += 1
        if done[0] % 2 == 0:
            kept.append([])

    alive = [run.alive_objects for run in explained(leak_on_every_second)]
    last = alive.pop() - 3  # what it has replaced is alive of the last run alone
    assert [*alive, last] in ([0, 1] * 4, [1, 0] * 4)


def test_it_hides_nothing_of_what_the_runs_make():
    loops: list[asyncio.AbstractEventLoop] = []
    try:
        result = check(lambda: loops.append(asyncio.new_event_loop()), confirm="5 s")
    finally:
        for loop in loops:
            loop.close()

    # What dies after older objects were noted would be taken for one of these again.
    (finding,) = result.findings
    assert {share.type: share.objects_per_run % 1 for share in finding.held} == dict.fromkeys(
        (share.type for share in finding.held), 0
    )


@pytest.mark.parametrize("restarts", [False, True], ids=["stopped", "begun anew"])
def test_there_is_none_where_a_run_has_stopped_tracing(restarts):
    def stop() -> None:
        tracemalloc.stop()
        if restarts:
            tracemalloc.start()

    assert timeline_of(stop) == ()


def test_it_survives_the_way_through_json():
    result = replace(LEAK, timeline=runs_of(1000, -336))

    assert Result.from_plain(json.loads(json.dumps(result.to_plain()))) == result


def test_a_sound_test_has_none():
    assert check(lambda: None).timeline == ()


def runs_of(*kept: int) -> tuple[TracedRun, ...]:
    return tuple(TracedRun(kept_bytes=one, peak_bytes=9318, alive_objects=2) for one in kept)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ((5000, 336, 336), "a run kept +336 B, took 9.1 KiB at its peak"),
        ((5000, 336, 848, 336), "a run kept +336 B (at most +848 B), took"),
        ((0, -16, -16), "a run kept -16 B, took"),
    ],
)
def test_it_is_told_as_a_rule_and_at_most_without_the_warm_up(kept, said):
    text = timeline_text(runs_of(*kept))

    assert text.startswith(said)
    assert text.endswith(f"of its objects 2 alive after the last of {len(kept)}")


@pytest.mark.parametrize("kept", [(), (336,)], ids=["none", "a warm-up alone"])
def test_nothing_is_said_of_no_runs(kept):
    assert not timeline_text(runs_of(*kept))


def test_the_failure_says_it_in_one_line():
    result = replace(LEAK, timeline=runs_of(1000, 336, 336))
    page = failure_page(result, Settings(), where="test_a.py:1", root=Path("/"))

    (line,) = [line for line in page.splitlines() if line.startswith(" traced ")]
    assert line.startswith(" traced     a run kept +336 B")
