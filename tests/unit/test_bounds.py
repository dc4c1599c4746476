"""Is a holder held to the bound that it states?"""

from __future__ import annotations

import pytest

from pytest_leakguard import check
from pytest_leakguard.api import Checker
from pytest_leakguard.settings import Settings


class Shelf:
    """Takes books, and drops the oldest one beyond its limit."""

    def __init__(self, limit):
        self.limit = limit
        self.books = []

    def put(self):
        """Add a book, and drop one where the limit is passed."""
        self.books.append([None])
        if len(self.books) > self.limit:
            del self.books[0]


class WeighedShelf(Shelf):
    """Counts its books by itself; how many it takes is private."""

    def __init__(self, limit):
        super().__init__(0)
        self.__limit = self.limit = limit
        self.weight = 0

    def put(self):
        """Add a book, and drop one where the limit is passed."""
        limit = self.__limit
        self.books.append([None])
        self.weight += 1
        while self.weight > limit:
            self.drop()

    def drop(self):
        """Drop the oldest book."""
        del self.books[0]
        self.weight -= 1


class BoastfulShelf(Shelf):
    """States a limit that nothing looks at."""

    def put(self):
        """Add a book."""
        self.books.append([None])


class NestedShelf(BoastfulShelf):
    """Gains more objects of one type per run than items."""

    def put(self):
        """Add a series of books, and drop one where the limit is passed."""
        self.books.append([[[None]], [[None]]])
        if len(self.books) > self.limit:
            del self.books[0]


class FlushedShelf(Shelf):
    """Gives away its books on every so many calls, which its code knows alone."""

    def __init__(self, turns):
        super().__init__(None)
        self.turns = turns
        self.count = 0

    def put(self):
        """Add a book, or give them all away."""
        self.books.append([None])
        self.count += 1
        if self.count % self.turns == 0:
            self.books.clear()


FAR = 90_000_000
SHELVES = {
    "kept": Shelf(300),
    "weighed": WeighedShelf(300),
    "nested": NestedShelf(300),
    "flushed": FlushedShelf(400),
    "flushed, but far away": FlushedShelf(FAR),
    "never looked at": BoastfulShelf(300),
    "kept, but far away": Shelf(FAR),
    "weighed, but far away": WeighedShelf(FAR),
    "far away": BoastfulShelf(FAR),
}


@pytest.mark.parametrize(
    ("name", "verdict", "told"),
    [
        ("kept", "bounded", "Shelf.limit: "),
        ("weighed", "bounded", "limit: "),
        ("nested", "bounded", "NestedShelf.limit: "),
        ("flushed", "bounded", "takes items out if self.count % self.turns == 0"),
        ("flushed, but far away", "inconclusive", "and the bound is not reached"),
        ("never looked at", "leak", "has passed its bound: BoastfulShelf.limit: "),
        ("kept, but far away", "bounded", "of 90000000 items"),
        ("weighed, but far away", "bounded", "of 90000000 items"),
        ("far away", "inconclusive", "of 90000000 items; --leak-confirm gives more time"),
    ],
)
def test_a_stated_bound_is_run_past_where_the_time_allows(name, verdict, told):
    result = check(SHELVES[name].put, confirm="3 s")

    notes = [finding.note for finding in result.findings]
    assert result.verdict == verdict
    assert told in " ".join([result.reason, *notes])


def test_what_is_out_of_reach_says_how_far_it_came():
    result = check(BoastfulShelf(FAR).put, confirm="3 s")

    assert f"still growing at {result.executions} executions, and the bound is not reached:" in (
        result.reason
    )


def checked_twice(name, then):
    """Check two tests of one session that use a shelf; something is done in between."""

    class Subject:
        def run(self):
            SHELVES[name].put()

    checker = Checker()
    try:
        first = checker.check(Subject(), Settings(confirm=3.0))
        then(SHELVES[name])
        return first, checker.check(Subject(), Settings(confirm=3.0))
    finally:
        checker.close()


def test_a_holder_that_has_kept_its_bound_is_not_filled_again():
    SHELVES["once"] = Shelf(200)

    first, second = checked_twice("once", lambda shelf: shelf.books.clear())

    assert [first.verdict, second.verdict] == ["bounded", "bounded"]
    assert first.executions > 200 > second.executions


def test_a_holder_that_has_broken_its_bound_is_not_believed_later():
    SHELVES["broken"] = BoastfulShelf(200)

    first, second = checked_twice("broken", lambda shelf: shelf.books.clear())

    assert [first.verdict, second.verdict] == ["leak", "leak"]


def test_what_a_method_is_bound_to_is_a_holder():
    (finding,) = check(BoastfulShelf(1).put, confirm="3 s").findings

    assert finding.holder == "BoastfulShelf.put.__self__.books"
