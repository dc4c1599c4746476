"""Reminders that are cancelled, delivered, stopped and closed."""

from __future__ import annotations

import asyncio

from realworld_app import reminders


def test_timer_is_cancelled() -> None:
    office = reminders.office()
    reminder = office.call(reminders.tidy_service.remind("ann", "tea"))
    office.call(reminders.tidy_service.cancel(reminder))

    assert reminder.handle is not None
    assert reminder.handle.cancelled()


def test_task_is_cancelled() -> None:
    office = reminders.office()
    office.call(reminders.tidy_service.watch("ann"))
    office.call(reminders.tidy_service.unwatch_all())

    assert not reminders.tidy_service.jobs


def test_future_is_given_up() -> None:
    answer = reminders.office().call(reminders.tidy_service.ask_tidily("tea?", timeout=0.001))

    assert answer is None


def test_queue_is_emptied() -> None:
    office = reminders.office()
    office.call(reminders.tidy_service.send("ann", "tea"))

    assert office.call(reminders.tidy_service.deliver()).what == "tea"


def test_loop_in_a_thread_is_stopped() -> None:
    assert reminders.greet_tidily("ann") == "hello ann"


def test_loop_is_closed() -> None:
    assert reminders.greet_here_tidily("ann") == "hello ann"


def test_task_is_left_to_the_end_of_its_loop() -> None:
    async def main() -> int:
        service = reminders.Service()
        return await service.watch("ann")

    assert asyncio.run(main()) == 1
