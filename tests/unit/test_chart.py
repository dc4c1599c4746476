"""A series drawn for a terminal."""

from __future__ import annotations

import pytest

from pytest_leakguard.reports.chart import chart_lines


def drawn(values, places=None, **sizes):
    places = range(len(values)) if places is None else places
    return list(chart_lines(places, values, label=str, **sizes))


def test_a_series_is_drawn_from_left_to_right_and_from_low_to_high():
    assert drawn([0, 5, 10], width=6, height=3) == [
        "10 |     *",
        "   |   **",
        " 0 |***",
        "   +------",
    ]


def test_gaps_are_bridged_by_the_value_before():
    assert drawn([0, None, None, 10], width=4, height=2) == ["10 |   *", " 0 |***", "   +----"]


def test_a_flat_series_lies_at_the_bottom():
    assert drawn([7, 7], width=2, height=2) == ["7 |", "7 |**", "  +--"]


@pytest.mark.parametrize("values", [[], [1], [None, None], [None, 3]])
def test_what_is_no_series_is_not_drawn(values):
    assert drawn(values) == []
