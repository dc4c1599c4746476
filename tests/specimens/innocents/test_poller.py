"""Threads that end, and one that never does but does not grow either."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from specimen_app import poller


class Heartbeat(threading.Thread):
    """Makes and drops objects at a steady pace."""

    def __init__(self) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.done = threading.Event()
        self.beats: list[object] = []

    def run(self) -> None:
        while not self.done.wait(0.002):
            self.beats[:] = [object() for _ in range(50)]


@pytest.fixture(scope="module")
def heartbeat() -> Iterator[Heartbeat]:
    thread = Heartbeat()
    thread.start()
    yield thread
    thread.done.set()
    thread.join()


def test_poller_is_stopped() -> None:
    weather = poller.Poller("weather")
    weather.start()
    weather.stop()


def test_timer_is_cancelled() -> None:
    timer = poller.retry_in_an_hour("mail")
    try:
        assert timer.is_alive()
    finally:
        timer.cancel()
        timer.join()


def test_event_is_taken_off_the_agenda() -> None:
    event = poller.retry_by_agenda("mail")
    poller.agenda.cancel(event)

    assert event not in poller.agenda.queue


def test_executor_is_shut_down_by_its_block() -> None:
    with ThreadPoolExecutor(max_workers=2) as executor:
        assert list(executor.map(abs, [-1, -2])) == [1, 2]


def test_executor_is_dropped_and_its_thread_ends_a_little_later() -> None:
    executor = ThreadPoolExecutor(max_workers=1)

    assert executor.submit(abs, -1).result() == 1


def test_thread_ends_a_little_after_the_test() -> None:
    thread = threading.Thread(target=time.sleep, args=(0.02,))
    thread.start()

    assert thread.is_alive()


def test_steady_thread_works_in_the_background(heartbeat: Heartbeat) -> None:
    assert heartbeat.is_alive()
