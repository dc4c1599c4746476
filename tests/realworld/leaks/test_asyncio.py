"""Reminders whose timers, tasks, futures, messages and loops are kept."""

from __future__ import annotations

from realworld_app import reminders


def test_timer_is_never_cancelled() -> None:
    reminder = reminders.office().call(reminders.service.remind("ann", "tea"))

    assert reminder.who == "ann"


def test_task_is_never_cancelled() -> None:
    assert reminders.office().call(reminders.service.watch("ann")) > 0


def test_future_is_expected_for_ever() -> None:
    answer = reminders.office().call(reminders.service.ask("tea?", timeout=0.001))

    assert answer is None


def test_queue_is_never_emptied() -> None:
    reminders.office().call(reminders.service.send("ann", "tea"))

    assert not reminders.service.outbox.empty()


def test_loop_in_a_thread_is_never_stopped() -> None:
    assert reminders.greet("ann") == "hello ann"


def test_loop_is_never_closed() -> None:
    assert reminders.greet_here("ann") == "hello ann"
