"""Growth that comes to an end, or comes and goes, at one pace or another."""

from __future__ import annotations

import itertools
import random


class Item:
    """What comes and goes."""


TOGGLED: list[Item] = []
IN_TURN: list[Item] = []
FLUSHED_EVERY_SEVEN: list[Item] = []
FLUSHED_EVERY_TWENTY: list[Item] = []
BETWEEN: list[Item] = []
WARMED_UP: list[Item] = []
SLOWING_DOWN: list[Item] = []
WORK: dict[int, Item] = {}
RANDOM_LAST: list[bytes] = []
RANDOM_WALK: list[Item] = []
SHRINKING: list[Item] = [Item() for _ in range(5_000)]
_random = random.Random(20)
_turns = itertools.count()
_runs = itertools.count()
_slow_runs = itertools.count(1)


def test_item_is_added_on_one_run_and_removed_on_the_next() -> None:
    if TOGGLED:
        TOGGLED.pop()
    else:
        TOGGLED.append(Item())

    assert len(TOGGLED) <= 1


def test_two_runs_of_three_add_and_the_third_removes() -> None:
    if next(_turns) % 3 == 2:
        IN_TURN.clear()
    else:
        IN_TURN.append(Item())

    assert len(IN_TURN) <= 2


def test_buffer_is_flushed_every_seven_runs() -> None:
    FLUSHED_EVERY_SEVEN.append(Item())
    if len(FLUSHED_EVERY_SEVEN) == 7:
        FLUSHED_EVERY_SEVEN.clear()

    assert len(FLUSHED_EVERY_SEVEN) < 7


def test_buffer_is_flushed_every_twenty_runs() -> None:
    FLUSHED_EVERY_TWENTY.append(Item())
    if len(FLUSHED_EVERY_TWENTY) == 20:
        FLUSHED_EVERY_TWENTY.clear()

    assert len(FLUSHED_EVERY_TWENTY) < 20


def test_buffer_is_compacted_to_ten_whenever_it_reaches_forty() -> None:
    BETWEEN.append(Item())
    if len(BETWEEN) >= 40:
        del BETWEEN[10:]

    assert len(BETWEEN) < 40


def test_first_five_runs_fill_and_later_ones_do_not() -> None:
    if next(_runs) < 5:
        WARMED_UP.append(Item())

    assert len(WARMED_UP) <= 5


def test_growth_comes_later_and_later_and_stops() -> None:
    if next(_slow_runs) in {1, 2, 4, 8, 16, 32}:
        SLOWING_DOWN.append(Item())

    assert len(SLOWING_DOWN) <= 6


def test_heavy_traffic_is_balanced() -> None:
    for number in range(2_000):
        WORK[number] = Item()
    WORK.clear()

    assert not WORK


def test_random_amount_of_bytes_is_replaced() -> None:
    RANDOM_LAST[:] = [bytes(_random.randrange(1, 5_000)) for _ in range(_random.randrange(1, 20))]

    assert RANDOM_LAST


def test_random_sizes_are_allocated_and_freed() -> None:
    sizes = [_random.randrange(1, 3_000) for _ in range(300)]
    chunks = [bytes(size) for size in sizes]
    _random.shuffle(chunks)
    del chunks[::2]

    assert len(chunks) == 150


def test_number_of_items_wanders_between_nought_and_thirty() -> None:
    wanted = _random.randrange(31)
    del RANDOM_WALK[wanted:]
    RANDOM_WALK.extend(Item() for _ in range(wanted - len(RANDOM_WALK)))

    assert len(RANDOM_WALK) == wanted


def test_large_list_shrinks_on_every_run() -> None:
    if SHRINKING:
        SHRINKING.pop()

    assert len(SHRINKING) < 5_000
