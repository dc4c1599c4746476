"""How does everything in a history come out, for other programs and for spreadsheets?"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from pytest_leakguard.escaping import printable
from pytest_leakguard.history.reading import everything
from pytest_leakguard.settings import COUNTER_NAMES

#: What each row has; the growth of a test follows, a column for each counter.
COLUMNS = (
    "session",
    "time",
    "commit",
    "branch",
    "dirty",
    "python",
    "platform",
    "mode",
    "whole",
    "session_executions",
    "extra_seconds",
    "test",
    "verdict",
    "reason",
    "executions",
    "seconds",
    "fingerprint",
    "type",
    "holder",
    "pattern",
    "status",
    "objects_per_run",
    "bytes_per_run",
)
#: What makes a spreadsheet read a cell as a formula; and the apostrophe, which takes that back.
_FORMULA = tuple("=+-@＝＋－＠'")  # noqa: RUF001  # of full width, as East Asian editions take them
_SWITCHES = ("dirty", "whole")


def _rows(history: sqlite3.Connection) -> Iterator[tuple[dict[str, Any], dict[str, float | None]]]:
    for row, growth in everything(history):
        values = {name: row[name] for name in COLUMNS}
        for name in _SWITCHES:
            values[name] = None if values[name] is None else bool(values[name])
        yield values, growth


def write_csv(history: sqlite3.Connection, file: TextIO) -> int:
    """Write rows with commas between cells, and return how many; text never is a formula."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"growth_{counter}" for counter in COUNTER_NAMES)])
    number = 0
    for values, growth in _rows(history):
        number += 1
        row = [*values.values(), *(growth.get(counter) for counter in COUNTER_NAMES)]
        writer.writerow([_cell(value) for value in row])
    return number


def write_json(history: sqlite3.Connection, file: TextIO) -> int:
    """Write a list of objects in ASCII, one on each line, and return how many."""
    number = 0
    for values, growth in _rows(history):
        file.write(",\n" if number else "[\n")
        number += 1
        file.write(json.dumps({**values, "growth": growth}))
    file.write("\n]\n" if number else "[]\n")
    return number


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return as_text(value) if isinstance(value, str) else value


def as_text(value: str) -> str:
    """Return a cell that a spreadsheet takes for nothing but text.

    What begins like a formula, or with an apostrophe, is given an apostrophe in front: taking one
    off restores it.
    """
    shown = printable(value)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


WRITERS: Mapping[str, Callable[[sqlite3.Connection, TextIO], int]] = {
    "csv": write_csv,
    "json": write_json,
}
