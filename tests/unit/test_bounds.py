"""Is a holder held to the bound that it states?"""

from __future__ import annotations

import pytest

from pytest_leakguard import check


class Shelf:
    """Takes books; whether it stops at its limit depends."""

    def __init__(self, limit, *, stops):
        self.limit = limit
        self.stops = stops
        self.books = []

    def put(self):
        """Add a book, and drop the oldest one where the limit is kept."""
        self.books.append([None])
        if self.stops and len(self.books) > self.limit:
            del self.books[0]


SHELVES = {
    "kept": Shelf(300, stops=True),
    "never looked at": Shelf(300, stops=False),
    "far away": Shelf(90_000_000, stops=False),
}


@pytest.mark.parametrize(
    ("name", "verdict", "told"),
    [
        ("kept", "bounded", "Shelf.limit: "),
        ("never looked at", "leak", "has passed its bound: Shelf.limit: "),
        ("far away", "bounded", "of 90000000 items"),
    ],
)
def test_a_stated_bound_is_run_past_where_the_time_allows(name, verdict, told):
    result = check(SHELVES[name].put, confirm="3 s")

    notes = [finding.note for finding in result.findings]
    assert result.verdict == verdict
    assert told in " ".join([result.reason, *notes])


def test_each_holder_is_filled_once():
    from pytest_leakguard.api import Checker
    from pytest_leakguard.model import Settings

    shelf = SHELVES["once"] = Shelf(200, stops=True)

    class Subject:
        def run(self):
            SHELVES["once"].put()

    checker = Checker()
    try:
        first = checker.check(Subject(), Settings(confirm=3.0))
        shelf.books.clear()
        second = checker.check(Subject(), Settings(confirm=3.0))
    finally:
        checker.close()

    assert [first.verdict, second.verdict] == ["bounded", "bounded"]
    assert first.executions > 200 > second.executions
