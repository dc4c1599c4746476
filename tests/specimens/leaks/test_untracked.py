"""What is kept is of a type that the garbage collector does not look at."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone
from decimal import Decimal

TEXTS: list[str] = []
CHUNKS: list[bytes] = []
UPLOADS: list[bytes] = []
NUMBERS: list[int] = []
PRICES: list[float] = []
MARKS: list[tuple[None, ...]] = []
TIMES: dict[str, datetime] = {}
AMOUNTS: set[Decimal] = set()
NAMES: dict[str, None] = {}
_numbers = itertools.count()
_EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)


def test_one_string_is_kept_per_run() -> None:
    TEXTS.append(f"text number {next(_numbers)}")

    assert TEXTS


def test_one_bytes_object_is_kept_per_run() -> None:
    CHUNKS.append(bytes(100))

    assert CHUNKS


def test_one_mebibyte_is_kept_per_run() -> None:
    UPLOADS.append(bytes(1 << 20))

    assert UPLOADS


def test_one_large_int_is_kept_per_run() -> None:
    NUMBERS.append(10**12 + next(_numbers))

    assert NUMBERS


def test_one_float_is_kept_per_run() -> None:
    PRICES.append(next(_numbers) + 0.5)

    assert PRICES


def test_one_tuple_of_a_single_item_is_kept_per_run() -> None:
    MARKS.append(tuple([None]))

    assert MARKS


def test_one_datetime_is_kept_per_run_under_a_fixed_set_of_prefixes() -> None:
    number = next(_numbers)
    TIMES[f"{number % 2}/{number}"] = _EPOCH + timedelta(days=number)

    assert TIMES


def test_one_decimal_is_kept_per_run() -> None:
    AMOUNTS.add(Decimal(next(_numbers)) / 4)

    assert AMOUNTS


def test_one_key_without_a_value_is_kept_per_run() -> None:
    NAMES.setdefault(f"customer {next(_numbers)}")

    assert NAMES
