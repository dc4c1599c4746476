"""Is an age limit read from the code that keeps it, and is it held to it?"""

from __future__ import annotations

import sys
import time
import types

import pytest

import pytest_leakguard
from pytest_leakguard.diagnosis.expiries import expiry
from pytest_leakguard.model import Frame

_MODULE = """
import time
from datetime import datetime, timedelta
from time import monotonic, monotonic_ns

LIFETIME = 60
HALF_AN_HOUR = timedelta(minutes=30)


class Store:
    ttl = 90

    def __init__(self):
        self.items = {{}}
        self.age = 0.5

    def put(self, key, value, clock=time.monotonic):
        {body}

    def _sweep(self, now):
        for key in [key for key, (due, _) in self.items.items() if due <= now]:
            del self.items[key]

    def get(self, key):
        due, value = self.items[key]
        if due < monotonic():
            del self.items[key]
        return value
"""
ADD = "self.items[key] = (monotonic() + self.age, value)  # grows"


def bound(tmp_path, *body):
    path = tmp_path / "store.py"
    source = _MODULE.format(body="\n        ".join(body))
    path.write_text(source, encoding="utf-8")
    module = types.ModuleType("store")
    module.__file__ = str(path)
    sys.modules["store"] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
        store = module.Store()
        store.items.update(dict.fromkeys(range(30), (0.0, None)))
        line = next(n for n, text in enumerate(source.splitlines(), 1) if "# grows" in text)
        frame = Frame(file=str(path), line=line, function="Store.put", source="")
        return expiry((frame,), [module, module.__dict__, store, store.__dict__, store.items])
    finally:
        del sys.modules["store"]


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ([ADD, "self._sweep(monotonic())"], 0.5),
        (
            [
                "now = monotonic()",
                "for old in [k for k, (due, _) in self.items.items() if due < now]:",
                "    self.items.pop(old)",
                "self.items[key] = (now + self.ttl, value)  # grows",
            ],
            90,
        ),
        (
            [
                "old = [k for k, (made, _) in self.items.items() if time.time() - made > LIFETIME]",
                "for one in old: del self.items[one]",
                "self.items[key] = (time.time(), value)  # grows",
            ],
            60,
        ),
        (
            [
                "self.items[key] = (datetime.now(), value)  # grows",
                "limit = datetime.now() - timedelta(minutes=2)",
                "self.items = {k: v for k, v in self.items.items() if v[0] > limit}",
            ],
            120,
        ),
        (
            [
                "self.items[key] = (monotonic_ns(), value)  # grows",
                "while self.items and monotonic_ns() - min(self.items) > 3_000_000_000:",
                "    self.items.popitem()",
            ],
            3,
        ),
        (
            [
                "now = monotonic()",
                "while True:",
                "    oldest = next(iter(self.items), None)",
                "    if oldest is None or self.items[oldest][0] > now - self.ttl: break",
                "    del self.items[oldest]",
                "self.items[key] = (now, value)  # grows",
            ],
            90,
        ),
        (
            [
                ADD,
                "now = monotonic()",
                "for k in list(self.items):",
                "    if self.items[k][0] < now: del self.items[k]",
            ],
            0.5,
        ),
    ],
    ids=["method", "list", "name", "comprehension", "nanoseconds", "oldest first", "loop"],
)
def test_a_loop_that_drops_what_is_old_gives_the_age(tmp_path, body, seconds):
    found = bound(tmp_path, *body)

    assert found.lifetime == pytest.approx(seconds)
    assert found.text.startswith("store.py:")
    assert "drops what is old after" in found.text


@pytest.mark.parametrize(
    "body",
    [
        [ADD],
        [ADD, "if self.items[key][0] < monotonic(): del self.items[key]"],
        [ADD, "self.get(key)"],
        [ADD, "for k in list(self.items): print(k)", "if time.time() > 5: del self.items[key]"],
        [ADD, "for k, (due, _) in self.items.items():", "    if due < monotonic(): return"],
        [ADD, "for k in list(self.items):", "    if k > key: del self.items[k]"],
    ],
    ids=["none", "same key", "asked for", "no comparison", "nothing dropped", "no clock"],
)
def test_other_code_gives_none(tmp_path, body):
    assert not bound(tmp_path, *body)


class Store:
    """Keeps what is put into it for a time; a broken one never finds that it is over."""

    def __init__(self, seconds, margin=0.0):
        self.seconds = seconds
        self.margin = margin
        self.entries = {}

    def put(self, value):
        """Drop what is old, and add a value."""
        now = time.monotonic()
        for old in [key for key, due in self.entries.items() if due + self.margin <= now]:
            del self.entries[old]
        self.entries[value] = now + self.seconds


STORES = {"short": Store(0.3), "long": Store(3_600), "broken": Store(0.3, margin=3_600)}


@pytest.mark.parametrize(
    ("name", "verdict", "told"),
    [
        ("short", "bounded", " "),  # if it is over while it is looked at, that is the reason
        ("long", "bounded", "drops what is old after 60.0 min"),
        ("broken", "leak", "but does not: test_expiries.py"),
    ],
)
def test_a_store_is_held_to_the_age_that_it_states_where_the_time_allows(name, verdict, told):
    result = pytest_leakguard.check(lambda: STORES[name].put(object()), confirm="5 s")

    notes = [finding.note for finding in result.findings]
    assert result.verdict == verdict
    assert told in " ".join([result.reason, *notes])


def test_a_frozen_clock_is_not_waited_for():
    freezegun = pytest.importorskip("freezegun")
    store = Store(0.3)
    STORES["frozen"] = store

    def put():
        with freezegun.freeze_time("2030-01-01"):
            STORES["frozen"].put(object())

    result = pytest_leakguard.check(put, confirm="5 s")

    assert result.verdict == "bounded"
