"""C code that gives back what it took."""

from __future__ import annotations

from types import ModuleType

import pytest
from realworld_app import native

if native.compiler() is None:
    pytest.skip("there is no C compiler with the headers of Python", allow_module_level=True)


@pytest.fixture(scope="module")
def spool() -> ModuleType:
    return native.spool()


def test_list_has_no_reference_too_many(spool: ModuleType) -> None:
    assert spool.words_soundly("tea and a cup") == ["tea", "and", "a", "cup"]


def test_item_is_given_back_after_an_error(spool: ModuleType) -> None:
    with pytest.raises(TypeError):
        spool.total_soundly([1, 2, ["three"]])


def test_buffer_is_freed(spool: ModuleType) -> None:
    assert spool.reversed_text_soundly("tea") == "aet"


def test_pages_are_unmapped(spool: ModuleType) -> None:
    assert spool.counted_soundly(b"tea") == 3


def test_file_is_closed(spool: ModuleType) -> None:
    assert spool.first_byte_soundly(__file__) == b'"'
