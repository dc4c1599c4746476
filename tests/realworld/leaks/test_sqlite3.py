"""Notes whose connections, functions, adapters and readers are kept."""

from __future__ import annotations

import pytest
from realworld_app import notebook


def test_connection_is_never_closed() -> None:
    assert notebook.count_notes() == 3


def test_connection_is_not_closed_after_an_error() -> None:
    notes = notebook.Import()
    with pytest.raises(ValueError, match="no text"):
        notes.write("tea", None)


def test_function_is_created_for_each_search() -> None:
    assert notebook.matching("tea") == 0


def test_adapter_is_registered_for_each_class() -> None:
    assert notebook.store_colour() == "red"


def test_converter_is_registered_for_each_value() -> None:
    assert notebook.read_typed("red") == "RED"


def test_reader_stops_in_the_middle() -> None:
    assert notebook.first_note() == "tea"
