"""Threads that end when they are told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from realworld_app import mailbox


@pytest.fixture(scope="module")
def watcher_of_all() -> Iterator[mailbox.Watcher]:
    with mailbox.Watcher(mailbox.Mailbox(), interval=0.005) as watcher:
        yield watcher


def test_watcher_is_stopped() -> None:
    with mailbox.Watcher(mailbox.Mailbox()) as watcher:
        assert watcher.looked.wait(timeout=10)


def test_watcher_is_stopped_after_an_error() -> None:
    def look() -> str:
        with mailbox.Watcher(mailbox.Mailbox()) as watcher:
            return watcher.mailbox.letters[0]

    with pytest.raises(IndexError):
        look()


def test_watcher_of_the_module_goes_on(watcher_of_all: mailbox.Watcher) -> None:
    watcher_of_all.looked.clear()

    assert watcher_of_all.looked.wait(timeout=10)


def test_timer_is_cancelled() -> None:
    reminder = mailbox.Reminder()
    reminder.start()
    reminder.cancel()

    assert reminder.rings == 0


def test_sorter_is_closed() -> None:
    sorter = mailbox.Sorter()
    letter = sorter.sort("bill")
    sorter.close()

    assert letter == "sorted bill"


def test_executor_is_shut_down() -> None:
    assert mailbox.stamp_tidily("bill") == "stamped bill"
