"""Generators and coroutines that end, or are dropped on the way."""

from __future__ import annotations

import contextlib
import itertools

from specimen_app import streams


def test_generator_is_read_to_its_end() -> None:
    assert len(list(streams.rows(5))) == 5


def test_generator_is_closed_half_way() -> None:
    with contextlib.closing(streams.rows(5)) as cursor:
        assert next(cursor).number == 0


def test_generator_is_dropped_half_way() -> None:
    cursor = streams.rows(5)

    assert next(cursor).number == 0


def test_long_lived_generator_counts_only() -> None:
    assert streams.counter.send(streams.Row(1)) >= 1


def test_coroutine_is_closed_half_way() -> None:
    coroutine = streams.reply_to("how are you", streams.Never())
    coroutine.send(None)
    coroutine.close()

    assert coroutine.cr_frame is None


def test_lagging_copy_of_an_iterator_is_dropped() -> None:
    ahead, behind = itertools.tee(streams.rows(300))

    assert sum(1 for _ in ahead) == 300
    assert next(behind).number == 0
