"""Notes whose connections, functions and readers are closed or replaced."""

from __future__ import annotations

import sqlite3

from realworld_app import notebook


def test_connection_is_closed() -> None:
    assert notebook.count_notes_tidily() == 3


def test_import_is_finished() -> None:
    notes = notebook.Import()
    notes.write("tea", "cup")
    notes.finish()

    assert notes.connection not in notebook.Import.running


def test_function_replaces_the_one_before() -> None:
    assert notebook.matching_tidily("tea") == 0


def test_type_says_itself_how_it_is_stored() -> None:
    assert notebook.store_shade() == "red"


def test_adapter_is_registered_for_the_same_class() -> None:
    sqlite3.register_adapter(notebook.Shade, lambda shade: shade.name)

    assert notebook.store_shade() == "red"


def test_reader_is_closed() -> None:
    assert notebook.first_note_tidily() == "tea"


def test_reader_is_dropped() -> None:
    assert notebook.first_note_of_a_dropped_reader() == "tea"


def test_connection_is_dropped() -> None:
    connection = notebook.connect(":memory:")

    assert connection.execute("select count(*) from note").fetchone() == (0,)


def test_statements_of_one_connection_are_cached() -> None:
    number = next(notebook._numbers)

    assert notebook.tidy_library.execute(f"select {number}").fetchone() == (number,)
