"""Threads, timers and schedules without an end."""

from __future__ import annotations

from specimen_app import poller


def test_poller_is_started_and_never_stopped() -> None:
    poller.Poller("weather").start()


def test_timer_is_started_and_never_cancelled() -> None:
    assert poller.retry_in_an_hour("mail").is_alive()


def test_event_stays_on_the_agenda() -> None:
    poller.retry_by_agenda("mail")

    assert not poller.agenda.empty()


def test_executor_is_kept_and_never_shut_down() -> None:
    assert poller.start_executor().submit(int).result() == 0
