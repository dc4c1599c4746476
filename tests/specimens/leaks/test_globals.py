"""Containers and names of the module itself, in each shape they come in."""

from __future__ import annotations

import itertools
from collections import deque

from specimen_app import reporting


class Record:
    """What is kept."""


class Ledger:
    """Keeps entries in an ordinary attribute."""

    def __init__(self) -> None:
        self.entries: list[Record] = []


class Book:
    """Keeps pages in a slot."""

    __slots__ = ("pages",)

    def __init__(self) -> None:
        self.pages: list[Record] = []


class Invoice:
    """Keeps every invoice on the class."""

    issued: list[Invoice] = []

    def __init__(self) -> None:
        self.issued.append(self)


RECORDS: list[Record] = []
REPLIES: dict[str, Record] = {}
SEEN: set[Record] = set()
BACKLOG: deque[Record] = deque()
TRAIL: tuple[Record, ...] = ()
SETTINGS: dict[str, Record] = {}
LEDGER = Ledger()
BOOK = Book()
STOCK: dict[str, dict[str, list[Record]]] = {"eu": {"orders": [], "returns": []}}
ROUTES: dict[tuple[str, str], list[Record]] = {("GET", "/orders"): []}
SHARDS = [Ledger(), Ledger()]
_numbers = itertools.count()


def test_list_of_the_module_gets_a_record_per_run() -> None:
    RECORDS.append(Record())

    assert RECORDS


def test_dict_of_the_module_gets_a_fresh_key_per_run() -> None:
    REPLIES[f"reply-{next(_numbers)}"] = Record()

    assert REPLIES


def test_set_of_the_module_gets_a_record_per_run() -> None:
    SEEN.add(Record())

    assert SEEN


def test_deque_without_a_limit_gets_three_records_per_run() -> None:
    BACKLOG.extend(Record() for _ in range(3))

    assert len(BACKLOG) >= 3


def test_tuple_is_replaced_by_a_longer_one() -> None:
    global TRAIL
    TRAIL = (*TRAIL, Record())

    assert TRAIL


def test_dict_is_replaced_by_a_bigger_copy() -> None:
    global SETTINGS
    SETTINGS = {**SETTINGS, f"setting-{next(_numbers)}": Record()}

    assert SETTINGS


def test_name_declared_global_by_accident_keeps_the_lines() -> None:
    assert reporting.render(["total", "tax"]) == 2


def test_instance_attribute_collects_entries() -> None:
    LEDGER.entries.append(Record())

    assert LEDGER.entries


def test_slot_of_an_instance_collects_pages() -> None:
    BOOK.pages.append(Record())

    assert BOOK.pages


def test_class_attribute_collects_the_instances() -> None:
    assert Invoice() in Invoice.issued


def test_list_two_dicts_down_collects_orders() -> None:
    STOCK["eu"]["orders"].append(Record())

    assert not STOCK["eu"]["returns"]


def test_list_under_a_tuple_as_key_collects_requests() -> None:
    ROUTES["GET", "/orders"].append(Record())

    assert ROUTES


def test_second_of_two_shards_collects_entries() -> None:
    SHARDS[1].entries.append(Record())

    assert not SHARDS[0].entries
