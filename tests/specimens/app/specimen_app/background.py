"""Asynchronous work: futures nobody resolves, and an event loop that runs as long as we do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Message:
    """A message on its way."""

    def __init__(self, text: str) -> None:
        self.text = text


delivered: list[Message] = []
waiting: list[asyncio.Future[str]] = []
unread: asyncio.Queue[Message] = asyncio.Queue()
loops: list[asyncio.AbstractEventLoop] = []


async def deliver(text: str) -> None:
    await asyncio.sleep(0)
    delivered.append(Message(text))


async def send(text: str) -> int:
    message = Message(text)
    await asyncio.sleep(0)
    return len(message.text)


async def expect_reply() -> None:
    """Wait for a reply that nobody will ever give, and leave the wish for it on the list."""
    reply: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    waiting.append(reply)
    await asyncio.wait([reply], timeout=0)


async def expect_reply_for_a_while() -> None:
    reply: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    waiting.append(reply)
    try:
        await asyncio.wait([reply], timeout=0)
    finally:
        waiting.remove(reply)
        reply.cancel()


async def queue_up(text: str) -> None:
    await unread.put(Message(text))


_loop: asyncio.AbstractEventLoop | None = None


def run_in_background(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run on a loop in a thread of its own, which is started when it is first needed."""
    global _loop
    if _loop is None:
        _loop = asyncio.new_event_loop()
        threading.Thread(target=_loop.run_forever, name="background-loop", daemon=True).start()
    return asyncio.run_coroutine_threadsafe(coroutine, _loop).result(timeout=10)


async def remind(text: str) -> asyncio.TimerHandle:
    message = Message(text)
    return asyncio.get_running_loop().call_later(3_600, print, message)


async def linger(text: str) -> None:
    message = Message(text)
    await asyncio.sleep(3_600)
    print(message)


tasks: set[asyncio.Task[None]] = set()


async def start_lingering(text: str) -> asyncio.Task[None]:
    task = asyncio.create_task(linger(text), name="lingering")
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    await asyncio.sleep(0)
    return task


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def open_loop() -> asyncio.AbstractEventLoop:
    made = asyncio.new_event_loop()
    loops.append(made)
    return made
