"""Memory and references that are lost in C, or kept for it."""

from __future__ import annotations

import ctypes
import itertools
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("loads the C library of a POSIX system", allow_module_level=True)

from specimen_app import native

_numbers = itertools.count()


def test_four_kibibytes_of_malloc_are_never_freed() -> None:
    assert native.allocate(4_096)


def test_sixty_four_bytes_of_malloc_are_never_freed() -> None:
    assert native.allocate(64)


def test_reference_taken_in_c_is_never_given_back() -> None:
    native.borrow_for_ever()


def test_callback_made_for_c_is_kept() -> None:
    assert native.compare_by(reverse=True)(1, 3) == 2


def test_mapped_pages_are_kept() -> None:
    assert native.map_pages(65_536)[0] == 0


def test_buffer_made_for_c_is_kept() -> None:
    native.buffers[f"buffer {next(_numbers)}"] = ctypes.create_string_buffer(10_000)

    assert native.buffers


def test_environment_variable_has_another_value_each_time() -> None:
    native.tag_request(f"request {next(_numbers)}")
