"""Asynchronous code, under ``asyncio.run`` and on a loop that never stops."""

from __future__ import annotations

import asyncio
import unittest

from specimen_app import background


class Receipt:
    """Confirms a delivery."""


class TestDelivery(unittest.IsolatedAsyncioTestCase):
    """Runs each test on a loop of its own."""

    receipts: list[Receipt] = []

    async def test_async_test_case_collects_receipts(self) -> None:
        await asyncio.sleep(0)
        self.receipts.append(Receipt())

        self.assertTrue(self.receipts)


def test_coroutine_run_to_its_end_keeps_a_message() -> None:
    asyncio.run(background.deliver("hello"))

    assert background.delivered


def test_future_that_nobody_resolves_is_kept() -> None:
    asyncio.run(background.expect_reply())

    assert background.waiting


def test_message_is_queued_and_never_read() -> None:
    asyncio.run(background.queue_up("hello"))

    assert not background.unread.empty()


def test_timer_on_a_long_lived_loop_is_never_cancelled() -> None:
    handle = background.run_in_background(background.remind("hello"))

    assert not handle.cancelled()


def test_task_on_a_long_lived_loop_is_never_finished() -> None:
    task = background.run_in_background(background.start_lingering("hello"))

    assert not task.done()
