"""Generators and coroutines that stop half-way."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator, Iterator


class Row:
    """A row of a result."""

    def __init__(self, number: int) -> None:
        self.number = number


class Never:
    """Can be awaited, but not to an end."""

    def __await__(self) -> Generator[None, None, None]:
        while True:
            yield


open_cursors: list[Iterator[Row]] = []
stalled: list[Coroutine[object, object, object]] = []


def rows(count: int) -> Iterator[Row]:
    fetched = [Row(number) for number in range(count)]
    yield from fetched


def first_row(count: int) -> Row:
    """Leave the cursor open: who knows, there might be need for a second row."""
    cursor = rows(count)
    open_cursors.append(cursor)
    return next(cursor)


async def reply_to(question: str, answer: Awaitable[object]) -> str:
    return f"{question}: {await answer}"


def ask(question: str) -> None:
    coroutine = reply_to(question, Never())
    coroutine.send(None)
    stalled.append(coroutine)


def merge() -> Generator[int, Row | None, None]:
    """Take rows for ever, and remember all of them in a local variable."""
    seen: list[Row] = []
    while True:
        row = yield len(seen)
        if row is not None:
            seen.append(row)


def count_rows() -> Generator[int, Row | None, None]:
    """Take rows for ever, and remember how many."""
    count = 0
    while True:
        row = yield count
        if row is not None:
            count += 1


merger = merge()
next(merger)
counter = count_rows()
next(counter)
