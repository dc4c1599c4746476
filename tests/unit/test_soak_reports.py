"""What do reports say of soaks? Values in, text out."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import accumulate

import pytest
from sample import ROOT, SUBSCRIPTION, facts, outcome

from pytest_leakguard.evidence import Soak, Trend
from pytest_leakguard.model import Result
from pytest_leakguard.reports.html import render_html
from pytest_leakguard.reports.soaks import curve, length_text, page_lines, slope_text, soak_lines
from pytest_leakguard.reports.text import failure_page
from pytest_leakguard.settings import Settings

TREND = Trend(slope=0.02, low=0.018, high=0.022, unit="object", grows=True)
FLAT = Trend(slope=0.0, low=0.0, high=0.0, unit="block")
SOAK = Soak(
    duration=600.0,
    seconds=200.0,
    runs=41_200,
    workers=1,
    ended="certain",
    trends={"blocks": FLAT, "gc_objects": TREND},
)
BATCHES = (400,) * 103
LEAK = Result(
    verdict="leak",
    executions=41_300,
    growth={"gc_objects": 0.02},
    series={
        "gc_objects": tuple(accumulate((8,) * 103, initial=100)),
        "blocks": (5,) * 104,
    },
    batches=BATCHES,
    findings=(SUBSCRIPTION,),
    evidence="41,200 runs of a soak",
    soak=SOAK,
)


@pytest.mark.parametrize(
    ("trend", "text"),
    [
        (TREND, "+0.02 objects per run (95 % interval 0.018 to 0.022)"),
        (FLAT, "0 blocks per run (95 % interval 0 to 0)"),
        (
            Trend(slope=12.5, low=-3.0, high=2048.0, unit="native byte"),
            "+12.5 B native per run (95 % interval -3 B to 2 KiB)",
        ),
        (
            Trend(slope=1, low=None, high=None, unit="thread"),
            "+1 thread per run (too few samples for an interval)",
        ),
    ],
)
def test_a_trend_is_told_with_its_unit_and_interval(trend, text):
    assert slope_text(trend) == text


@pytest.mark.parametrize(
    ("soak", "text"),
    [
        (SOAK, "41,200 runs in 3 min 20 s of 10 min, 206/s"),
        (replace(SOAK, ended="time", seconds=600.0), "41,200 runs in 10 min, 69/s"),
        (
            replace(SOAK, ended="time", seconds=0.5, runs=1, workers=4),
            "1 run in 500 ms, 4 workers",
        ),
    ],
)
def test_the_length_of_a_soak_is_told(soak, text):
    assert length_text(soak) == text


def test_a_curve_is_small_and_plain_and_ends_where_the_floor_does():
    lines = [*curve((0, 100, 200), (5, 5, 25), replace(TREND, slope=0.1))]

    assert len(lines) == 7
    assert all(line.isascii() and len(line) < 80 for line in lines)
    assert lines[0].startswith("+20 objects |")
    assert lines[0].endswith("*")
    assert lines[4].startswith("  0 objects |*")
    assert lines[-1].rstrip().endswith("200 runs")


def test_a_curve_that_is_flat_is_a_line_at_the_foot():
    lines = [*curve((0, 100, 200), (5, 5, 5), replace(TREND, slope=0.0))]

    assert lines[4].endswith("*" * 50)
    assert "*" not in "".join(lines[:4])


def test_the_page_of_a_leak_has_the_curve_within_its_lines():
    page = failure_page(LEAK, Settings(), where="tests/test_bus.py:41", root=ROOT)

    assert " soak       41,200 runs in 3 min 20 s of 10 min, 206/s" in page
    assert " curve      gc_objects: retained floor (*) and trend (.)" in page
    assert len(page.splitlines()) <= 40


def test_a_test_that_was_not_soaked_says_nothing_of_it():
    assert [*page_lines(replace(LEAK, soak=None))] == []


def test_passing_soaks_have_a_line_each_and_failing_ones_none():
    sound = replace(LEAK, verdict="clean", findings=(), soak=replace(SOAK, ended="time"))
    tests = [
        replace(outcome("a::leaks"), result=LEAK),
        replace(outcome("a::sound"), result=sound),
        replace(outcome("a::full"), result=replace(sound, verdict="bounded")),
        outcome("a::other", verdict="clean"),
    ]

    lines = [*soak_lines(facts(*tests), limit=None)]

    assert lines == [
        "soak: a::sound: 41,200 runs in 3 min 20 s, 206/s: flat",
        "soak: a::full: 41,200 runs in 3 min 20 s, 206/s: bounded",
    ]
    assert [*soak_lines(facts(*tests), limit=1)][1] == "soak: ... and 1 more (-v lists them)"


def test_a_soak_survives_the_way_through_json():
    plain = json.loads(json.dumps(LEAK.to_plain()))

    assert Result.from_plain(plain).soak == SOAK


def test_the_page_for_a_browser_tells_what_grows():
    page = render_html(facts(replace(outcome("a::leaks"), result=LEAK)), ROOT)

    assert "<strong>Soak</strong> 41,200 runs in 3 min 20 s" in page
    assert "+0.02 objects per run (95 % interval 0.018 to 0.022)" in page
    assert "<code>blocks</code> 0 blocks" not in page
