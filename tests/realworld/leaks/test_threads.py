"""Threads that nobody stops."""

from __future__ import annotations

import pytest
from realworld_app import mailbox


def test_watcher_is_never_stopped() -> None:
    watcher = mailbox.Watcher(mailbox.Mailbox())
    watcher.start()

    assert watcher.looked.wait(timeout=10)


def test_watcher_is_not_stopped_after_an_error() -> None:
    def look() -> str:
        watcher = mailbox.Watcher(mailbox.Mailbox())
        watcher.start()
        letter = watcher.mailbox.letters[0]
        watcher.stop()
        return letter

    with pytest.raises(IndexError):
        look()


def test_timer_is_never_cancelled() -> None:
    reminder = mailbox.Reminder()
    reminder.start()

    assert reminder.rings == 0


def test_sorter_is_never_closed() -> None:
    assert mailbox.Sorter().sort("bill") == "sorted bill"


def test_executor_is_never_shut_down() -> None:
    assert mailbox.stamp("bill") == "stamped bill"
