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

    def add(self, item, most=200):
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
"""
ADD = "self.items.append(item)  # grows"


def bound_of(tmp_path, *body, items=30, size=1000):
    """Return the bound of a ring whose method has this body; the growing line is marked."""
    path = tmp_path / "ring.py"
    path.write_text(_CLASS.format(body="\n        ".join(body)), encoding="utf-8")
    module = types.ModuleType("ring")
    module.__file__ = str(path)
    sys.modules["ring"] = module
    try:
        source = path.read_text(encoding="utf-8")
        ast.parse(source)
        exec(compile(source, str(path), "exec"), module.__dict__)
        ring = module.Ring(size)
        ring.items += range(items)
        line = next(n for n, text in enumerate(source.splitlines(), 1) if "# grows" in text)
        frame = Frame(file=str(path), line=line, function="Ring.add", source="")
        chain = [module, module.__dict__, ring, ring.__dict__, ring.items]
        bound = eviction_bound((frame,), chain)
        assert (bound.room > 0) is bound.kept is bool(bound)
        return bound.text
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
    ],
)
def test_the_code_that_drops_what_is_too_much_gives_the_bound(tmp_path, body, bound):
    assert f"keeps no more than {bound} items: 30 now" in bound_of(tmp_path, *body)


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
    assert bound_of(tmp_path, *body) == ""


def test_a_bound_that_the_container_has_passed_is_none(tmp_path):
    body = [ADD, "if len(self.items) > self.size: self.items.pop(0)"]

    assert bound_of(tmp_path, *body, items=11, size=10)
    assert bound_of(tmp_path, *body, items=12, size=10) == ""
