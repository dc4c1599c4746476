"""C code that forgets references, memory, pages and descriptors."""

from __future__ import annotations

from types import ModuleType

import pytest
from realworld_app import native

if native.compiler() is None:
    pytest.skip("there is no C compiler with the headers of Python", allow_module_level=True)


@pytest.fixture(scope="module")
def spool() -> ModuleType:
    return native.spool()


def test_list_has_one_reference_too_many(spool: ModuleType) -> None:
    assert spool.words("tea and a cup") == ["tea", "and", "a", "cup"]


def test_item_is_not_given_back_after_an_error(spool: ModuleType) -> None:
    with pytest.raises(TypeError):
        spool.total([1, 2, ["three"]])


def test_buffer_is_never_freed(spool: ModuleType) -> None:
    assert spool.reversed_text("tea") == "aet"


def test_pages_are_never_unmapped(spool: ModuleType) -> None:
    assert spool.counted(b"tea") == 3


def test_file_is_never_closed(spool: ModuleType) -> None:
    assert spool.first_byte(__file__) == b'"'
