"""Leaks that do not show on each run, or not by a constant number, or not clearly."""

from __future__ import annotations

import itertools


class Item:
    """What is kept, and what comes and goes."""


EVERY_SECOND: list[Item] = []
EVERY_THIRD: list[Item] = []
ONE_TO_THREE: list[Item] = []
LOST_IN_TRAFFIC: list[Item] = []
WORK: dict[int, Item] = {}
BUFFER: list[Item] = []
BESIDE_THE_BUFFER: list[Item] = []
HERE: list[Item] = []
THERE: dict[str, bytes] = {}
_runs = itertools.count()
_turns = itertools.count()
_amounts = itertools.count()
_keys = itertools.count()


def test_an_item_is_kept_on_every_second_run() -> None:
    if next(_runs) % 2 == 0:
        EVERY_SECOND.append(Item())

    assert EVERY_SECOND


def test_an_item_is_kept_on_every_third_run() -> None:
    if next(_turns) % 3 == 0:
        EVERY_THIRD.append(Item())

    assert EVERY_THIRD


def test_one_two_or_three_items_are_kept_in_turn() -> None:
    ONE_TO_THREE.extend(Item() for _ in range(1 + next(_amounts) % 3))

    assert ONE_TO_THREE


def test_one_item_stays_behind_in_heavy_balanced_traffic() -> None:
    for number in range(2_000):
        WORK[number] = Item()
    LOST_IN_TRAFFIC.append(WORK[1_000])
    WORK.clear()

    assert not WORK


def test_one_item_stays_beside_a_buffer_that_is_flushed_every_seven_runs() -> None:
    BUFFER.append(Item())
    if len(BUFFER) == 7:
        BUFFER.clear()
    BESIDE_THE_BUFFER.append(Item())

    assert len(BUFFER) < 7


def test_two_independent_things_are_kept_in_two_places() -> None:
    HERE.append(Item())
    THERE[f"chunk {next(_keys)}"] = bytes(4_000)

    assert HERE
    assert THERE
