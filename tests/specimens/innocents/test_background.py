"""Asynchronous code that finishes what it starts."""

from __future__ import annotations

import asyncio
import unittest

from specimen_app import background


class TestDelivery(unittest.IsolatedAsyncioTestCase):
    """Runs each test on a loop of its own."""

    async def asyncSetUp(self) -> None:
        self.receipts = [object()]

    async def test_async_test_case_keeps_its_receipts_to_itself(self) -> None:
        await asyncio.sleep(0)

        self.assertEqual(len(self.receipts), 1)


def test_coroutine_runs_to_its_end() -> None:
    assert asyncio.run(background.send("hello")) == 5


def test_fifty_tasks_are_gathered() -> None:
    async def send_all() -> int:
        return sum(await asyncio.gather(*(background.send("hello") for _ in range(50))))

    assert asyncio.run(send_all()) == 250


def test_future_is_cancelled_when_its_time_is_up() -> None:
    asyncio.run(background.expect_reply_for_a_while())


def test_message_is_queued_and_read() -> None:
    async def queue_up_and_read() -> int:
        inbox: asyncio.Queue[background.Message] = asyncio.Queue()
        await inbox.put(background.Message("hello"))
        return len((await inbox.get()).text)

    assert asyncio.run(queue_up_and_read()) == 5


def test_unfinished_task_is_cancelled_when_its_loop_ends() -> None:
    async def start_only() -> None:
        await background.start_lingering("hello")

    asyncio.run(start_only())


def test_timer_on_a_long_lived_loop_is_cancelled() -> None:
    async def remind_and_cancel() -> bool:
        handle = await background.remind("hello")
        handle.cancel()
        return handle.cancelled()

    assert background.run_in_background(remind_and_cancel())


def test_task_on_a_long_lived_loop_is_cancelled() -> None:
    async def start_and_cancel() -> bool:
        task = await background.start_lingering("hello")
        await background.cancel(task)
        return task.cancelled()

    assert background.run_in_background(start_and_cancel())


def test_blocking_work_is_done_in_a_thread() -> None:
    async def work() -> int:
        return await asyncio.to_thread(abs, -1)

    assert asyncio.run(work()) == 1


def test_time_limit_is_exceeded() -> None:
    async def wait_too_long() -> bool:
        try:
            await asyncio.wait_for(asyncio.sleep(60), timeout=0.001)
        except asyncio.TimeoutError:
            return True
        return False

    assert asyncio.run(wait_too_long())
