"""Memory and references that C gives back."""

from __future__ import annotations

import ctypes
import mmap
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("loads the C library of a POSIX system", allow_module_level=True)

from specimen_app import native


def test_memory_of_malloc_is_freed() -> None:
    address = native.allocate(4_096)
    native.release(address)


def test_hundred_allocations_are_freed_in_another_order() -> None:
    addresses = [native.allocate(size) for size in range(1, 6_000, 60)]
    for address in addresses[::2] + addresses[1::2]:
        native.release(address)

    assert len(addresses) == 100


def test_reference_taken_in_c_is_given_back() -> None:
    native.borrow_and_give_back()


def test_callback_made_for_c_is_dropped() -> None:
    comparison = native.compare_by(reverse=False)
    native.comparisons.remove(comparison)

    assert comparison(1, 3) == -2


def test_mapped_pages_are_closed() -> None:
    with mmap.mmap(-1, 65_536) as mapped:
        mapped.write(b"row")

        assert mapped.tell() == 3


def test_structure_type_is_made_in_the_body() -> None:
    class Point(ctypes.Structure):
        _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_int)]

    assert Point(1, 2).y == 2
