"""Queues, counters and stacks that are filled and never drained."""

from __future__ import annotations

import itertools

from specimen_app import jobs

_numbers = itertools.count()


def test_job_is_submitted_and_nobody_takes_it() -> None:
    jobs.submit("mail")

    assert not jobs.inbox.empty()


def test_expired_deadlines_are_never_popped() -> None:
    jobs.schedule(next(_numbers) + 0.5, "mail")

    assert jobs.deadlines[0][0] == 0.5


def test_looking_into_a_default_dict_makes_an_entry() -> None:
    assert jobs.open_jobs_of(f"user {next(_numbers)}") == 0


def test_counter_counts_a_fresh_path_per_run() -> None:
    jobs.hit(f"/orders/{next(_numbers)}")

    assert jobs.hits


def test_exit_stack_of_the_module_is_never_closed() -> None:
    jobs.do("move")


def test_failed_jobs_are_kept_two_dicts_down() -> None:
    jobs.fail(f"job {next(_numbers)}")

    assert not jobs.results["done"]


def test_settings_are_shadowed_by_one_more_layer() -> None:
    jobs.override("theme")

    assert jobs.settings["theme"].name == "theme"
