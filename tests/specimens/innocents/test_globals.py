"""Names of a module that change on every run without holding more each time."""

from __future__ import annotations

import itertools
from collections import deque

from specimen_app import reporting


class Record:
    """What is kept for a while."""


class Ledger:
    """Keeps entries in an ordinary attribute."""

    def __init__(self) -> None:
        self.entries: list[Record] = []


LAST: Record | None = None
BATCH: list[Record] = []
SEEN: set[Record] = set()
RECENT: deque[Record] = deque(maxlen=5)
LONG_TAIL: deque[Record] = deque(maxlen=400)
BOUNDED: dict[str, Record] = {}
PAIR: tuple[Record, ...] = ()
LEDGER = Ledger()
STOCK: dict[str, dict[str, list[Record]]] = {"eu": {"orders": []}}
BY_SLOT: dict[int, Record] = {}
SWAPPED: list[list[Record]] = [[], []]
_numbers = itertools.count()


def test_last_result_is_replaced_on_every_run() -> None:
    global LAST
    LAST = Record()

    assert LAST is not None


def test_list_is_emptied_and_refilled() -> None:
    del BATCH[:]
    BATCH.extend(Record() for _ in range(100))

    assert len(BATCH) == 100


def test_member_is_added_to_a_set_and_discarded() -> None:
    record = Record()
    SEEN.add(record)
    SEEN.discard(record)

    assert not SEEN


def test_short_deque_drops_its_oldest_record() -> None:
    RECENT.append(Record())

    assert len(RECENT) <= 5


def test_long_deque_has_not_reached_its_limit_yet() -> None:
    LONG_TAIL.append(Record())

    assert len(LONG_TAIL) <= 400


def test_dict_evicts_its_first_key_beyond_four() -> None:
    BOUNDED[f"key {next(_numbers)}"] = Record()
    if len(BOUNDED) > 4:
        del BOUNDED[next(iter(BOUNDED))]

    assert len(BOUNDED) <= 4


def test_tuple_is_replaced_by_one_of_the_same_length() -> None:
    global PAIR
    PAIR = (*PAIR[-1:], Record())

    assert PAIR


def test_local_name_instead_of_a_global_one() -> None:
    assert reporting.render_locally(["total", "tax"]) == 2


def test_entry_is_appended_and_popped_even_on_an_error() -> None:
    LEDGER.entries.append(Record())
    try:
        raise LookupError
    except LookupError:
        LEDGER.entries.pop()

    assert not LEDGER.entries


def test_list_two_dicts_down_is_replaced() -> None:
    STOCK["eu"]["orders"] = [Record(), Record()]

    assert len(STOCK["eu"]["orders"]) == 2


def test_keys_repeat_after_four_runs() -> None:
    BY_SLOT[next(_numbers) % 4] = Record()

    assert len(BY_SLOT) <= 4


def test_two_buffers_are_swapped() -> None:
    front, back = SWAPPED
    front.clear()
    back.extend([Record(), Record()])
    SWAPPED[:] = [back, front]

    assert len(SWAPPED[0]) >= 2
