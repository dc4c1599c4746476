"""Is a bound read from the code that keeps it, and none where there is none?"""

from __future__ import annotations

import ast
import sys
import types

import pytest

from pytest_leakguard.diagnosis.evictions import eviction_bound
from pytest_leakguard.model import Frame

_CLASS = """
import heapq

MAX_EVENTS = 1000
STEP = 10


class Ring:
    LIMIT = 500

    def __init__(self, size):
        self.size = size
        self.items = []
        self.unlimited = None

    def add(self, item, limit, most=200):
        {body}

    def _flush(self):
        self.items = []

    def _trim(self):
        while len(self.items) > self.size:
            self.items.pop(0)


class Other:
    def tidy(self):
        if len(self.items) > MAX_EVENTS:
            self.items.pop(0)


def trim(log, most):
    if len(log) > MAX_EVENTS:
        del log[0]


def keep(log, most):
    while len(log) > most:
        log.pop()


def use(ring, item, count=300):
    {call}
"""
ADD = "self.items.append(item)  # grows"


def bound_of(tmp_path, *body, items=30, size=1000, call="pass"):
    """Return the bound of a ring whose method has this body; the growing line is marked.

    So is the line of a function that calls it.
    """
    path = tmp_path / "ring.py"
    written = _CLASS.format(body="\n        ".join(body), call=call)
    path.write_text(written, encoding="utf-8")
    module = types.ModuleType("ring")
    module.__file__ = str(path)
    sys.modules["ring"] = module
    try:
        source = path.read_text(encoding="utf-8")
        ast.parse(source)
        exec(compile(source, str(path), "exec"), module.__dict__)
        ring = module.Ring(size)
        ring.items += range(items)
        frames = [
            Frame(file=str(path), line=line, function=function, source="")
            for mark, function in (("# grows", "Ring.add"), ("# calls", "use"))
            for line, text in enumerate(source.splitlines(), 1)
            if mark in text
        ]
        chain = [module, module.__dict__, ring, ring.__dict__, ring.items]
        return eviction_bound(frames, chain)
    finally:
        del sys.modules["ring"]


@pytest.mark.parametrize(
    ("body", "bound"),
    [
        ([ADD, "if len(self.items) > self.size: self.items.pop(0)"], "self.size = 1000"),
        ([ADD, "n = self.size", "if len(self.items) > n: self.items.pop(0)"], "n = 1000"),
        ([ADD, "if len(self.items) > most: self.items.pop(0)"], "most = 200"),
        ([ADD, "if len(self.items) > self.LIMIT: del self.items[0]"], "self.LIMIT = 500"),
        (["if len(self.items) >= 1000: self.items.clear()", ADD], "1000"),
        ([ADD, "while MAX_EVENTS < len(self.items): self.items.pop()"], "MAX_EVENTS = 1000"),
        ([ADD, "del self.items[:-1000]"], "1000"),
        ([ADD, "self.items = self.items[-MAX_EVENTS:]"], "MAX_EVENTS = 1000"),
        ([ADD, "self.items[:] = self.items[-(100 * STEP):]"], "100 * STEP = 1000"),
        ([ADD, "self._trim()"], "self.size = 1000"),
        ([ADD, "if len(self.items) >= self.size: self._flush()"], "self.size = 1000"),
        ([ADD, "trim(self.items, 5)"], "MAX_EVENTS = 1000"),
        ([ADD, "keep(self.items, 90)"], "most = 90"),
        ([ADD, "if len(self.items) > self.size: self.items[:] = []"], "self.size = 1000"),
        ([f"if len(self.items) < self.size: {ADD}"], "self.size = 1000"),
        (["if len(self.items) >= self.size: return", ADD], "self.size = 1000"),
        (
            [
                "heapq.heappush(self.items, item)  # grows",
                "if len(self.items) > 99: heapq.heappop(self.items)",
            ],
            "99",
        ),
        ([ADD, "if len(self.items) >= MAX_EVENTS:", "    self.items = []"], "MAX_EVENTS = 1000"),
        (
            [ADD, "if len(self.items) >= 300:", "    batch, self.items = self.items, []"],
            "300",
        ),
        ([ADD, "if len(self.items) >= 300:", "    self.items: list = []"], "300"),
    ],
)
def test_the_code_that_drops_what_is_too_much_gives_the_bound(tmp_path, body, bound):
    found = bound_of(tmp_path, *body)

    assert f"keeps no more than {bound} items: 30 now" in found.text
    assert found.kept
    assert found.room > 0


@pytest.mark.parametrize(
    ("drops", "is_bound"), [("self.items.clear()", True), ("self.others.clear()", False)]
)
def test_notes_that_go_with_the_items_of_a_full_store_are_bounded(tmp_path, drops, is_bound):
    found = bound_of(
        tmp_path,
        f"if len(self.others) >= 300: {drops}",
        "self.others[item] = limit",
        ADD,
    )

    assert bool(found) == is_bound
    assert not is_bound or "takes items out if len(self.others) >= 300" in found.text


def test_a_store_that_is_not_added_to_beside_it_gives_no_bound(tmp_path):
    assert not bound_of(tmp_path, "if len(self.others) >= 300: self.items.clear()", ADD)


@pytest.mark.parametrize(
    ("call", "bound"),
    [
        ("ring.add(item, 70)  # calls", "limit = 70"),
        ("ring.add(item, limit=STEP)  # calls", ""),
        ("ring.add(item, limit=MAX_EVENTS)  # calls", "limit = 1000"),
        ("ring.add(item, limit=count)  # calls", "limit = 300"),
        ("ring.add(item, limit=None)  # calls", ""),
    ],
)
def test_a_bound_that_the_caller_gives_is_read_from_its_line(tmp_path, call, bound):
    found = bound_of(tmp_path, ADD, "if len(self.items) > limit: self.items.clear()", call=call)

    assert found.kept is bool(found) is bool(bound)
    assert bound in found.text


@pytest.mark.parametrize(
    "body",
    [
        [ADD, "if item % 50 == 0: self.items.clear()"],
        [ADD, "if self.count >= limit: self._flush()"],
        [ADD, "if time() - self.last > 60: self.items = []"],
        [ADD, "while self.items[0] < most: self.items.pop(0)"],
        [ADD, "if not next(self.turn) % 7: del self.items[:]"],
    ],
)
def test_what_is_emptied_under_a_condition_is_not_proven(tmp_path, body):
    found = bound_of(tmp_path, *body)

    assert "ring.py:" in found.text
    assert " takes items out if " in found.text
    assert not found.kept


@pytest.mark.parametrize(
    "body",
    [
        [ADD, "if item in self.items: self.items.remove(item)"],
        [ADD, "if self.items[item] < time(): self.items.pop(item)"],
        [ADD, "if item: self.items.clear()"],
        [ADD, "if item > 5: print(item)"],
        [ADD, "if len(item) > most: item.clear()"],
    ],
)
def test_what_is_taken_out_by_its_name_is_no_bound(tmp_path, body):
    assert not bound_of(tmp_path, *body)


def test_a_bound_of_unknown_value_is_not_proven(tmp_path):
    found = bound_of(tmp_path, ADD, "if len(self.items) > limit: self.items.clear()")

    assert "keeps no more than limit items: 30 now" in found.text
    assert found.room > 0
    assert not found.kept


@pytest.mark.parametrize(
    "body",
    [
        [ADD],
        [ADD, "if len(self.items) > self.size: print(item)"],
        [ADD, "if len(item) > 1000: self.items.pop(0)"],
        ["if len(self.items) == 0: return", ADD],
        [ADD, "if len(self.items) > 10_000_000: self.items.pop(0)"],
        [ADD, "other = self.items[-1000:]"],
        [ADD, "if len(self.items) > self.unlimited: self.items.pop(0)"],
        [ADD, "item.tidy()"],
    ],
)
def test_other_code_gives_none(tmp_path, body):
    assert not bound_of(tmp_path, *body)


def test_a_bound_that_the_container_has_passed_is_none(tmp_path):
    body = [ADD, "if len(self.items) > self.size: self.items.pop(0)"]

    assert bound_of(tmp_path, *body, items=11, size=10)
    assert not bound_of(tmp_path, *body, items=12, size=10)
