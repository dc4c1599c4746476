"""Generators and coroutines that never reach their end."""

from __future__ import annotations

from specimen_app import streams


def test_suspended_generator_is_kept_with_its_rows() -> None:
    assert streams.first_row(5).number == 0


def test_local_variable_of_a_running_generator_collects_rows() -> None:
    assert streams.merger.send(streams.Row(1)) >= 1


def test_stalled_coroutine_is_kept() -> None:
    streams.ask("how are you")

    assert streams.stalled
