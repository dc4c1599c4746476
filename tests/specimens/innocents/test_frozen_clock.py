"""Clocks that stand still."""

from __future__ import annotations

import datetime
import time

import pytest


def test_clock_is_frozen_by_freezegun() -> None:
    freezegun = pytest.importorskip("freezegun")
    with freezegun.freeze_time("2020-02-29 12:00:00"):
        assert datetime.date.today() == datetime.date(2020, 2, 29)
        assert time.time() == 1_582_977_600


def test_clock_is_moved_by_time_machine() -> None:
    time_machine = pytest.importorskip("time_machine")
    with time_machine.travel(1_582_977_600, tick=False):
        assert time.time() == 1_582_977_600


def test_clock_is_replaced_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1.0)

    assert time.time() == 1.0
