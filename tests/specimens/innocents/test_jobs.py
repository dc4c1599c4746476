"""Queues, counters and stacks that are drained."""

from __future__ import annotations

import contextlib
import itertools
import queue

from specimen_app import jobs

_numbers = itertools.count(1)


def test_job_is_submitted_and_worked_off() -> None:
    jobs.submit("mail")

    assert jobs.work_off() >= 1


def test_expired_deadlines_are_popped() -> None:
    now = -next(_numbers)
    jobs.schedule(now - 0.5, "mail")
    jobs.expire(now)

    assert now - 0.5 not in {due for due, _ in jobs.deadlines}


def test_looking_with_get_makes_no_entry() -> None:
    assert jobs.open_jobs_of_known(f"user {next(_numbers)}") == 0


def test_counter_counts_the_same_path() -> None:
    jobs.hit("/orders")

    assert jobs.hits["/orders"] >= 1


def test_exit_stack_is_closed_by_its_block() -> None:
    job = jobs.Job("move")
    with contextlib.ExitStack() as stack:
        stack.callback(job.undo)

    assert job.name == ""


def test_results_of_finished_jobs_are_collected_by_the_caller() -> None:
    jobs.fail("mail")

    assert jobs.results["failed"].pop("mail").name == "mail"


def test_full_queue_refuses_more() -> None:
    full: queue.Queue[jobs.Job] = queue.Queue(maxsize=2)
    for name in ("mail", "move", "copy"):
        with contextlib.suppress(queue.Full):
            full.put_nowait(jobs.Job(name))

    assert full.qsize() == 2
