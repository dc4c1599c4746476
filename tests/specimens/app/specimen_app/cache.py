"""Answers kept for later: without a limit, with one, and with one that nobody enforces."""

from __future__ import annotations

import functools
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class Page:
    """Something that was expensive to make."""

    def __init__(self, text: str) -> None:
        self.text = text


class Query:
    """Compared by identity, so that no two of them ever share a cache entry."""

    def __init__(self, text: str) -> None:
        self.text = text


rates: dict[str, Page] = {}
plans: dict[Query, str] = {}


def rate_for(day: str) -> Page:
    if day not in rates:
        rates[day] = Page(day)
    return rates[day]


def plan_for(query: Query) -> str:
    if query not in plans:
        plans[query] = "scan"
    return plans[query]


@functools.lru_cache(maxsize=None)  # noqa: B019, UP033 - the spelling under test
def render(path: str) -> Page:
    return Page(path)


@functools.lru_cache(maxsize=128)
def render_bounded(path: str) -> Page:
    return Page(path)


@functools.lru_cache
def render_by_default(path: str) -> Page:
    return Page(path)


class Report:
    """Has a cached method, and a total that is cached on the instance instead."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows

    @functools.cache  # noqa: B019 - the cache keeps every instance, which is the point
    def total(self) -> int:
        return sum(self.rows)

    @functools.cached_property
    def total_of_instance(self) -> int:
        return sum(self.rows)


def memoise(function: Callable[[str], Any]) -> Callable[[str], Any]:
    memo: dict[str, Any] = {}

    @functools.wraps(function)
    def lookup(key: str) -> Any:
        if key not in memo:
            memo[key] = function(key)
        return memo[key]

    return lookup


@memoise
def parse(text: str) -> Page:
    return Page(text)


class LRU:
    """Drops the entry that was used longest ago once there are more than ``maxsize``."""

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._entries: OrderedDict[str, object] = OrderedDict()

    def put(self, key: str, value: object) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self.maxsize:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


class Ring:
    """The last ``capacity`` values, in a list that is filled once and then overwritten."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._slots: list[object] = []
        self._next = 0

    def push(self, value: object) -> None:
        if len(self._slots) < self.capacity:
            self._slots.append(value)
        else:
            self._slots[self._next] = value
            self._next = (self._next + 1) % self.capacity


class UnenforcedLimit:
    """Was given a ``maxsize`` and never looks at it."""

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._entries: dict[str, Page] = {}

    def put(self, key: str, page: Page) -> None:
        self._entries[key] = page


class TTLStore:
    """Entries expire after ``ttl_seconds``; beyond ``max_entries`` the oldest goes first."""

    def __init__(self, ttl_seconds: float, max_entries: int | None) -> None:
        self.ttl_seconds = ttl_seconds
        self.max_entries = max_entries
        self._entries: dict[str, tuple[float, object]] = {}

    def put(self, key: str, value: object) -> None:
        now = time.monotonic()
        for stale in [k for k, (due, _) in self._entries.items() if due <= now]:
            del self._entries[stale]
        self._entries[key] = (now + self.ttl_seconds, value)
        if self.max_entries is not None and len(self._entries) > self.max_entries:
            del self._entries[next(iter(self._entries))]


_MOST_THUMBNAILS = 300
_thumbnails: dict[str, Page] = {}


def thumbnail_for(path: str) -> Page:
    """Keep at most 300 pages, a bound that can only be read in this line of code."""
    while len(_thumbnails) >= _MOST_THUMBNAILS:
        del _thumbnails[next(iter(_thumbnails))]
    return _thumbnails.setdefault(path, Page(path))


limited = UnenforcedLimit(maxsize=10)
small_lru = LRU(maxsize=10)
large_lru = LRU(maxsize=1_000)
ring = Ring(capacity=1_000)
carts = TTLStore(ttl_seconds=3_600, max_entries=40)
quotes = TTLStore(ttl_seconds=0.2, max_entries=None)
