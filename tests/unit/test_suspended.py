"""Is it told what waits, under which name and at which line?"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sched
import threading

from pytest_leakguard.diagnosis.suspended import waiting_text


async def consume(queue):
    await queue.get()


async def outer(queue):
    await consume(queue)


def numbers():
    yield 1
    yield 2


def line_of(function, offset=1):
    return inspect.getsourcelines(function)[1] + offset


def test_a_task_is_told_with_the_user_s_innermost_line_that_it_waits_at():
    async def main():
        task = asyncio.create_task(outer(asyncio.Queue()), name="consumer")
        await asyncio.sleep(0)
        text = waiting_text([object(), task])
        task.cancel()
        return text

    expected = f"task 'consumer': outer() waits at test_suspended.py:{line_of(consume)}"
    assert asyncio.run(main()) == expected


def test_a_generator_is_told_with_its_line():
    generator = numbers()
    next(generator)

    assert waiting_text([generator]) == f"numbers() waits at test_suspended.py:{line_of(numbers)}"


def test_a_finished_generator_has_no_line():
    assert waiting_text([generator := numbers(), *generator][:1]) == "numbers()"


def test_a_thread_is_told_with_its_target():
    thread = threading.Thread(target=numbers, name="poller")

    assert waiting_text([thread]) == "thread 'poller' runs numbers()"


def test_timers_are_told_with_what_they_call():
    timer = threading.Timer(60, numbers)
    scheduler = sched.scheduler()
    event = scheduler.enter(60, 1, functools.partial(consume, None))

    async def main():
        handle = asyncio.get_running_loop().call_later(60, line_of)
        texts = [waiting_text([handle])]
        handle.cancel()
        return [*texts, waiting_text([handle])]

    assert waiting_text([timer]) == f"timer {timer.name!r} calls numbers() after 60 s"
    assert waiting_text([event]) == "event of a scheduler: calls consume()"
    assert asyncio.run(main()) == [
        "timer of an event loop: calls line_of()",
        "timer of an event loop, cancelled",
    ]


def test_other_objects_wait_for_nothing():
    assert waiting_text([object(), 1, "text", numbers]) == ""
