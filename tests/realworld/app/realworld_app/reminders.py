"""Reminders: an asyncio service on a loop that runs in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class LoopThread:
    """An event loop that runs in the background until it is stopped."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=10)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Reminder:
    """What to say, and to whom."""

    def __init__(self, who: str, what: str) -> None:
        self.who = who
        self.what = what
        self.handle: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Say it."""


class Service:
    """Rings, works and answers, on the loop that it is called on."""

    def __init__(self) -> None:
        self.jobs: set[asyncio.Task[None]] = set()
        self.replies: dict[str, asyncio.Future[str]] = {}
        self.outbox: asyncio.Queue[Reminder] = asyncio.Queue()

    async def remind(self, who: str, what: str) -> Reminder:
        reminder = Reminder(who, what)
        reminder.handle = asyncio.get_running_loop().call_later(3600, reminder.ring)
        return reminder

    async def cancel(self, reminder: Reminder) -> None:
        if reminder.handle is not None:
            reminder.handle.cancel()

    async def watch(self, who: str) -> int:
        """Look after somebody from now on."""
        task = asyncio.create_task(self._look_after(who), name=f"watch {who}")
        self.jobs.add(task)
        task.add_done_callback(self.jobs.discard)
        return len(self.jobs)

    async def unwatch_all(self) -> None:
        for task in self.jobs:
            task.cancel()
        await asyncio.gather(*self.jobs, return_exceptions=True)

    async def _look_after(self, who: str) -> None:
        while True:
            await asyncio.sleep(1800)
            await self.outbox.put(Reminder(who, "drink something"))

    async def ask(self, question: str, timeout: float) -> str | None:
        """Wait for an answer; it may come too late, and then stays expected."""
        key = f"{question} {uuid.uuid4().hex}"
        reply = self.replies[key] = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait([reply], timeout=timeout)
        return self.replies.pop(key).result() if done else None

    async def ask_tidily(self, question: str, timeout: float) -> str | None:
        key = f"{question} {uuid.uuid4().hex}"
        reply = self.replies[key] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(reply, timeout)
        except asyncio.TimeoutError:
            return None
        finally:
            del self.replies[key]

    async def send(self, who: str, what: str) -> None:
        await self.outbox.put(Reminder(who, what))

    async def deliver(self) -> Reminder:
        return await self.outbox.get()


service = Service()
tidy_service = Service()

_office: list[LoopThread] = []


def office() -> LoopThread:
    """Return the loop that the whole process shares."""
    if not _office:
        _office.append(LoopThread("office"))
    return _office[0]


def greet(who: str) -> str:
    """Say hello from a loop of this call's own, which goes on running."""
    return LoopThread("greeter").call(_hello(who))


def greet_tidily(who: str) -> str:
    loop_thread = LoopThread("tidy-greeter")
    try:
        return loop_thread.call(_hello(who))
    finally:
        loop_thread.stop()


async def _hello(who: str) -> str:
    await asyncio.sleep(0)
    return f"hello {who}"


# Loops of the calling thread.

loops: list[asyncio.AbstractEventLoop] = []


def greet_here(who: str) -> str:
    loop = asyncio.new_event_loop()
    loops.append(loop)
    return loop.run_until_complete(_hello(who))


def greet_here_tidily(who: str) -> str:
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        return loop.run_until_complete(_hello(who))
