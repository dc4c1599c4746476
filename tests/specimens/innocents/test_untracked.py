"""Strings, bytes and numbers that come and go, or of which there is only one."""

from __future__ import annotations

import itertools
import sys

NAMES: list[str] = []
UPLOAD = b""
BUFFER = bytearray()
TOTAL = 0
TAGS: set[str] = set()
_numbers = itertools.count()


def test_interned_string_is_not_kept_by_us() -> None:
    name = sys.intern(f"field_{next(_numbers)}")

    assert name.startswith("field_")


def test_attribute_names_made_at_run_time_are_interned() -> None:
    class Row:
        pass

    row = Row()
    setattr(row, f"column_{next(_numbers)}", 1)

    assert len(vars(row)) == 1


def test_one_mebibyte_is_replaced_on_every_run() -> None:
    global UPLOAD
    UPLOAD = bytes(1 << 20)

    assert len(UPLOAD) == 1 << 20


def test_buffer_is_filled_and_cleared() -> None:
    BUFFER.extend(bytes(10_000))
    BUFFER.clear()

    assert not BUFFER


def test_total_becomes_a_larger_int_on_every_run() -> None:
    global TOTAL
    TOTAL += 10**12

    assert TOTAL > 0


def test_last_ten_names_are_kept() -> None:
    NAMES.append(f"customer {next(_numbers)}")
    del NAMES[:-10]

    assert len(NAMES) <= 10


def test_large_strings_are_joined_and_dropped() -> None:
    text = ", ".join(f"item {number}" for number in range(5_000))

    assert len(text.encode()) == len(text)


def test_same_tags_are_added_again() -> None:
    TAGS.update(f"tag {number}" for number in range(20))

    assert len(TAGS) == 20
