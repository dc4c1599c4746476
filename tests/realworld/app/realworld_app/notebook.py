"""Notes in SQLite, by the standard library's module alone."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

_folder = tempfile.TemporaryDirectory(prefix="notebook-")  # for as long as the process runs
PATH = str(Path(_folder.name, "notes.db"))


def connect(path: str = PATH) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("create table if not exists note (text)")
    return connection


with closing(connect()) as _connection, _connection:
    _connection.executemany("insert into note values (?)", [("tea",), ("cup",), ("milk",)])

# One connection for each book that is open.

open_books: dict[str, sqlite3.Connection] = {}


def count_notes() -> int:
    book = uuid.uuid4().hex
    open_books[book] = connect()
    (count,) = open_books[book].execute("select count(*) from note").fetchone()
    return int(count)


def count_notes_tidily() -> int:
    with closing(connect()) as connection:
        (count,) = connection.execute("select count(*) from note").fetchone()
        return int(count)


class Import:
    """Writes notes in one transaction."""

    running: set[sqlite3.Connection] = set()  # noqa: RUF012 - shared by all imports on purpose

    def __init__(self) -> None:
        self.connection = connect(":memory:")
        self.running.add(self.connection)

    def write(self, *texts: str | None) -> None:
        for text in texts:
            if text is None:
                raise ValueError("a note has no text")
            self.connection.execute("insert into note values (?)", [text])

    def finish(self) -> None:
        self.connection.commit()
        self.connection.close()
        self.running.remove(self.connection)


# Functions for SQL.

library = connect(":memory:")
tidy_library = connect(":memory:")
_numbers = itertools.count()


def matching(word: str) -> int:
    """Count matches by a function of this search's own name."""
    name = f"matches_{next(_numbers)}"
    matches: Callable[[str], bool] = lambda text: word in text  # noqa: E731 - it captures the word
    library.create_function(name, 1, matches)
    (count,) = library.execute(f"select coalesce(sum({name}(text)), 0) from note").fetchone()
    return int(count)


def matching_tidily(word: str) -> int:
    """Count matches by a function that replaces the one before."""
    matches: Callable[[str], bool] = lambda text: word in text  # noqa: E731 - it captures the word
    tidy_library.create_function("matches", 1, matches)
    (count,) = tidy_library.execute("select coalesce(sum(matches(text)), 0) from note").fetchone()
    return int(count)


# Types of Python in SQL.


def store_colour() -> str:
    """Store a type that belongs to this call, by an adapter of its own."""

    class Colour:
        def __init__(self, name: str) -> None:
            self.name = name

    sqlite3.register_adapter(Colour, lambda colour: colour.name)
    (stored,) = library.execute("select ?", [Colour("red")]).fetchone()
    return str(stored)


class Shade:
    """A type that says itself how it is stored."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __conform__(self, protocol: object) -> str | None:
        return self.name if protocol is sqlite3.PrepareProtocol else None


def store_shade() -> str:
    (stored,) = library.execute("select ?", [Shade("red")]).fetchone()
    return str(stored)


def read_typed(value: str) -> object:
    """Read a value by a converter for a declared type of this call's own."""
    declared = f"type_{next(_numbers)}"
    sqlite3.register_converter(declared, lambda raw: raw.decode().upper())
    options = sqlite3.PARSE_COLNAMES
    with closing(sqlite3.connect(":memory:", detect_types=options)) as connection:
        (found,) = connection.execute(f'select ? as "value [{declared}]"', [value]).fetchone()
    return found


# Readers that stop in the middle.

readers: list[Iterator[str]] = []


def notes(path: str = PATH) -> Iterator[str]:
    with closing(connect(path)) as connection:
        for (text,) in connection.execute("select text from note"):
            yield text


def first_note() -> str:
    reader = notes()
    readers.append(reader)
    return next(reader)


def first_note_tidily() -> str:
    reader = notes()
    try:
        return next(reader)
    finally:
        reader.close()  # type: ignore[attr-defined]  # a generator


def first_note_of_a_dropped_reader() -> str:
    return next(notes())
