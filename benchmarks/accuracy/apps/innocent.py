"""Code that leaves nothing behind for good, though it may look so for a while.

A specimen's test calls one of these functions and nothing else. Each specimen has a copy of this
module to itself, so that the names below are its own.
"""

from __future__ import annotations

import abc
import asyncio
import collections
import contextlib
import contextvars
import copy
import csv
import dataclasses
import datetime as dt
import decimal
import enum
import fnmatch
import functools
import gc
import heapq
import importlib
import io
import itertools
import json
import logging
import os
import pickle
import random
import re
import sqlite3
import string
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import typing
import urllib.parse
import uuid
import warnings
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest import mock


class Record:
    """A small object."""

    def __init__(self, text: str = "record") -> None:
        self.text = text


KEPT: list[object] = []
STORE: dict[object, object] = {}
_random = random.Random(20)
_numbers = itertools.count(1_000)


# Caches, which fill up and then stay as large


def cache_of_unstated_size(size: int) -> None:
    """Keep the newest; the bound is known to the code alone."""
    if len(STORE) >= size:
        del STORE[next(iter(STORE))]
    STORE[next(_numbers)] = Record()


def cache_that_is_cleared_when_full(size: int) -> None:
    if len(STORE) >= size:
        STORE.clear()
    STORE[next(_numbers)] = Record()


class Cache:
    """A bounded cache that says what its bound is."""

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.entries: dict[int, Record] = {}

    def put(self, key: int, record: Record) -> None:
        if len(self.entries) >= self.maxsize:
            del self.entries[next(iter(self.entries))]
        self.entries[key] = record


_cache: Cache | None = None
_cached: Callable[[int], Record] | None = None
_ring: deque[Record] | None = None


def cache_with_maxsize(size: int) -> None:
    global _cache  # noqa: PLW0603  # as small applications have it
    if _cache is None:
        _cache = Cache(size)
    _cache.put(next(_numbers), Record())


def cache_of_functools(size: int) -> None:
    global _cached  # noqa: PLW0603  # as small applications have it
    if _cached is None:
        _cached = functools.lru_cache(maxsize=size)(lambda number: Record(str(number)))
    _cached(next(_numbers))


def ring_of_deque(size: int) -> None:
    global _ring  # noqa: PLW0603  # as small applications have it
    if _ring is None:
        _ring = deque(maxlen=size)
    _ring.append(Record())


def cache_of_a_fixed_set_of_keys(size: int) -> None:
    """Meet any of so many keys: the more are known, the rarer is a new one."""
    key = _random.randrange(1_000, 1_000 + size)
    if key not in STORE:
        STORE[key] = Record()


def histogram(buckets: int) -> None:
    bucket = f"bucket {_random.randrange(buckets)}"
    STORE[bucket] = typing.cast("int", STORE.get(bucket, 0)) + 1


def largest_of_all(size: int) -> None:
    """Keep the largest numbers seen."""
    heapq.heappush(KEPT, _random.random())  # type: ignore[type-var]
    if len(KEPT) > size:
        heapq.heappop(KEPT)  # type: ignore[type-var]


# Pools


def pool_with_a_plateau(size: int) -> None:
    """Open one more connection per run until there are enough."""
    if len(KEPT) < size:
        KEPT.append(Record())
    else:
        KEPT.append(KEPT.pop(0))


def pool_of_buffers(size: int) -> None:
    """Take buffers of random number, and give them back."""
    taken = [KEPT.pop() if KEPT else bytearray(1024) for _ in range(_random.randrange(1, size + 1))]
    KEPT.extend(taken)


# Sawtooths


def buffer_flushed(every: int) -> None:
    KEPT.append(Record())
    if len(KEPT) >= every:
        KEPT.clear()


def buffer_flushed_at_random(most: int) -> None:
    KEPT.append(Record())
    if len(KEPT) >= _random.randrange(2, most + 1):
        KEPT.clear()


def text_flushed(every: int) -> None:
    KEPT.append(f"line {next(_numbers)}")
    if len(KEPT) >= every:
        KEPT.clear()


def triangle(period: int) -> None:
    """Grow for half of the period, shrink for the other half."""
    step = next(_numbers) % period
    if step < period // 2:
        KEPT.append(Record())
    elif KEPT:
        KEPT.pop()


def generations(every: int) -> None:
    """Write to the newer of two generations; the older one goes when the newer is full."""
    if len(KEPT) >= every:
        STORE["older"] = list(KEPT)
        KEPT.clear()
    KEPT.append(Record())


# Randomness


def text_of_random_size(most: int) -> None:
    STORE["text"] = "x" * _random.randrange(most)


def texts_of_random_sizes(count: int) -> None:
    KEPT[:] = [b"x" * _random.randrange(1, 4096) for _ in range(count)]


def random_number_of_records(most: int) -> None:
    KEPT[:] = [Record() for _ in range(_random.randrange(most + 1))]


def random_walk(most: int) -> None:
    """Gain or lose one record."""
    if KEPT and (len(KEPT) >= most or _random.random() < 0.5):
        KEPT.pop()
    else:
        KEPT.append(Record())


def random_order(count: int) -> None:
    keys = [f"key {number}" for number in range(count)]
    _random.shuffle(keys)
    STORE.clear()
    STORE.update((key, Record()) for key in keys)


def random_work(most: int) -> None:
    """Sort, join and drop."""
    words = [str(_random.random()) for _ in range(_random.randrange(most))]
    assert len(" ".join(sorted(words))) >= 0


# Weak containers, and what the collector frees

_weak_values: weakref.WeakValueDictionary[int, Record] = weakref.WeakValueDictionary()
_weak_keys: weakref.WeakKeyDictionary[Record, int] = weakref.WeakKeyDictionary()
_weak_set: weakref.WeakSet[Record] = weakref.WeakSet()


def weak_references_pruned(at: int) -> None:
    """Keep references to what is gone; drop them when there are many."""
    KEPT.append(weakref.ref(Record()))
    if len(KEPT) >= at:
        KEPT[:] = [one for one in KEPT if typing.cast("weakref.ref[Record]", one)() is not None]


def weak_values() -> None:
    record = Record()
    _weak_values[next(_numbers)] = record


def weak_keys() -> None:
    record = Record()
    _weak_keys[record] = next(_numbers)


def weak_set() -> None:
    _weak_set.add(Record())


def weak_set_while_it_is_iterated() -> None:
    """Removals are put off while somebody iterates."""
    held = [Record() for _ in range(5)]
    _weak_set.update(held)
    for _ in _weak_set:
        held.clear()


def finalizer_that_is_called() -> None:
    record = Record()
    weakref.finalize(record, len, "gone")


def cycles(count: int) -> None:
    for _ in range(count):
        record = Record()
        record.itself = record  # type: ignore[attr-defined]


def cycles_with_finalizers(count: int) -> None:
    class Closing(Record):
        def __del__(self) -> None:
            self.text = ""

    for _ in range(count):
        record = Closing()
        record.itself = record  # type: ignore[attr-defined]


def chain_of_cycles(every: int) -> None:
    """Link one more to a chain that is cut off now and then."""
    record = Record()
    record.before = STORE.get("last")  # type: ignore[attr-defined]
    record.itself = record  # type: ignore[attr-defined]
    STORE["last"] = None if next(_numbers) % every == 0 else record


def cycles_while_the_collector_is_off() -> None:
    gc.disable()
    try:
        cycles(20)
    finally:
        gc.enable()


# Threads


def _started(target: Callable[[], None]) -> None:
    if "thread" not in STORE:
        thread = threading.Thread(target=target, name="background", daemon=True)
        STORE["thread"] = thread
        thread.start()


#: How often a thread of the application does its own work: in no step with the tests.
_BEAT_SECONDS = 0.001


def thread_with_bounded_growth(most: int) -> None:
    """A thread of the application keeps one record each millisecond, up to some."""

    def collect() -> None:
        for _ in range(most):
            KEPT.append(Record())
            time.sleep(_BEAT_SECONDS)  # the thread's own beat
        time.sleep(3600)  # alive, like any thread that waits for more to do

    _started(collect)


def thread_with_a_ring(size: int) -> None:
    """The same, and then the newest replace the oldest for ever."""

    def collect() -> None:
        ring: deque[Record] = deque(maxlen=size)
        while True:
            ring.append(Record())
            time.sleep(_BEAT_SECONDS)  # the thread's own beat

    _started(collect)


def thread_with_a_sawtooth(size: int) -> None:
    def collect() -> None:
        while True:
            KEPT.append(Record())
            if len(KEPT) >= size:
                KEPT.clear()
            time.sleep(_BEAT_SECONDS / 2)  # the thread's own beat

    _started(collect)


def thread_that_is_joined() -> None:
    thread = threading.Thread(target=Record)
    thread.start()
    thread.join()


def thread_that_ends_a_little_later() -> None:
    threading.Thread(target=time.sleep, args=(0.02,)).start()


def executor() -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        assert list(pool.map(len, ("a", "bc"))) == [1, 2]


def value_of_a_thread() -> None:
    local = threading.local()
    local.record = Record()


def timer_that_is_cancelled() -> None:
    timer = threading.Timer(60, len)
    timer.start()
    timer.cancel()


# Time


def store_with_expiry(milliseconds: int) -> None:
    now = time.monotonic()
    for key, (expires, _) in list(typing.cast("dict[int, tuple[float, Record]]", STORE).items()):
        if expires <= now:
            del STORE[key]
    STORE[next(_numbers)] = (now + milliseconds / 1000, Record())


def store_with_expiry_and_maximum(most: int) -> None:
    store_with_expiry(3_600_000)
    while len(STORE) > most:
        del STORE[next(iter(STORE))]


# What happens once, or only at first


def work_once(at: int) -> None:
    """Build a table on one of the runs, for good."""
    if next(_numbers) == 1_000 + at:
        KEPT.extend(Record(str(number)) for number in range(100))


def work_thrice(apart: int) -> None:
    """Build tables on three of the runs, for good."""
    number = next(_numbers) - 1_000
    if number % apart == 0 and number <= 3 * apart:
        KEPT.extend(Record(str(one)) for one in range(10))


MODULES = (
    "colorsys",
    "cmd",
    "codeop",
    "dbm",
    "filecmp",
    "fileinput",
    "ftplib",
    "getpass",
    "graphlib",
    "html.parser",
    "imaplib",
    "mailbox",
    "netrc",
    "plistlib",
    "poplib",
    "quopri",
    "sched",
    "shelve",
    "smtplib",
    "statistics",
    "stringprep",
    "tabnanny",
    "timeit",
    "trace",
    "wave",
    "webbrowser",
    "xmlrpc.client",
    "zipapp",
    "modulefinder",
    "pyclbr",
    "optparse",
    "symtable",
    "bdb",
    "pickletools",
)


def modules_imported_as_needed(count: int) -> None:
    """Import another module on each run, until all are there."""
    number = next(_numbers) - 1_000
    if number < count:
        importlib.import_module(MODULES[number])


@functools.cache
def _table() -> list[str]:
    return [str(number) for number in range(100)]


def table_made_at_first_use() -> None:
    assert _table()


class Page:
    @functools.cached_property
    def words(self) -> list[str]:
        return ["one", "two"]


_page = Page()


def property_made_at_first_use() -> None:
    assert _page.words


# What the interpreter and its library keep


def interned_texts() -> None:
    sys.intern(f"text number {next(_numbers)}")


def records_logged() -> None:
    log = logging.getLogger("innocent")
    log.warning("number %d", next(_numbers))


def records_logged_by_a_handler_of_its_own() -> None:
    log, handler = logging.getLogger("innocent.own"), logging.StreamHandler(io.StringIO())
    log.addHandler(handler)
    log.error("number %d", next(_numbers))
    log.removeHandler(handler)
    handler.close()


def patterns_compiled() -> None:
    assert re.match(rf"{next(_numbers)}$", "x") is None


def names_matched() -> None:
    assert not fnmatch.fnmatch("x", f"{next(_numbers)}*")


def dates_parsed() -> None:
    assert dt.datetime.strptime("2024-02-29 +0000", "%Y-%m-%d %z").day == 29


def formats_of_struct() -> None:
    assert len(struct.pack(f"{next(_numbers) % 200}s", b"")) < 200


def addresses_parsed() -> None:
    assert urllib.parse.urlsplit(f"http://host/{next(_numbers)}").netloc


def types_written() -> None:
    kind = type(f"Kind{next(_numbers)}", (), {})
    assert typing.Optional[list[kind]]  # type: ignore[valid-type,truthy-bool]  # noqa: UP045
    assert typing.Dict[str, kind]  # type: ignore[valid-type,truthy-function]  # noqa: UP006


def class_made() -> None:
    type(f"Kind{next(_numbers)}", (Record,), {})()


def dataclass_made() -> None:
    dataclasses.make_dataclass("Point", ["x", "y"])(1, 2)


def enumeration_made() -> None:
    assert enum.Enum("Colour", "RED GREEN").RED  # type: ignore[attr-defined]


def named_tuple_made() -> None:
    pair = collections.namedtuple("pair", "a b")  # noqa: PYI024
    assert pair(1, 2).a == 1


class Shape(abc.ABC):  # noqa: B024  # it is asked, and no more
    """An abstract class: it remembers, weakly, what it was asked about."""


def abstract_class_asked() -> None:
    assert not isinstance(type("Kind", (), {})(), Shape)


def dispatched_by_type() -> None:
    @functools.singledispatch
    def name(value: object) -> str:
        return type(value).__name__

    assert name(type("Kind", (), {})()) == "Kind"


_described = functools.singledispatch(type)


def dispatched_by_a_type_of_its_own() -> None:
    """The dispatcher remembers classes weakly."""
    assert _described(type("Kind", (), {})())  # type: ignore[truthy-bool]


def exception_caught() -> None:
    try:
        raise ValueError(next(_numbers))
    except ValueError as error:
        STORE["last error"] = str(error)


def exception_kept_until_the_next() -> None:
    try:
        raise ValueError(next(_numbers))
    except ValueError as error:
        STORE["last error"] = error


def traceback_formatted() -> None:
    try:
        json.loads("{")
    except ValueError:
        assert traceback.format_exc()


def warning_caught() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(f"number {next(_numbers)}", UserWarning, stacklevel=1)
    assert caught


def decimals() -> None:
    with decimal.localcontext() as context:
        context.prec = 50
        assert decimal.Decimal(1) / 7 + next(_numbers)


def encoded_and_decoded() -> None:
    data = {"number": next(_numbers), "items": [1.5, None, "text"]}
    assert json.loads(json.dumps(data)) == data
    assert pickle.loads(pickle.dumps(data)) == copy.deepcopy(data)
    assert zlib.decompress(zlib.compress(json.dumps(data).encode("utf-16")))


def table_read() -> None:
    assert list(csv.DictReader(io.StringIO(f"a,b\n{next(_numbers)},2\n")))


def identifiers_drawn() -> None:
    STORE["last"] = uuid.uuid4()


def templates_filled() -> None:
    assert string.Template(f"$x {next(_numbers)}").substitute(x=1)


_variable: contextvars.ContextVar[object] = contextvars.ContextVar("variable", default=None)


def context_variable_reset() -> None:
    token = _variable.set(Record())
    _variable.reset(token)


def context_variable_overwritten() -> None:
    _variable.set(Record())


def generator_dropped_half_way() -> None:
    def lines() -> Iterator[Record]:
        while True:
            yield Record()

    next(lines())


def context_manager() -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(len, "x")
        stack.enter_context(contextlib.suppress(OSError))


def loop_run() -> None:
    async def main() -> int:
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(5)))
        return 1

    assert asyncio.run(main()) == 1


def task_cancelled() -> None:
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())


def database_in_memory() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create table t (a)")
        connection.execute("insert into t values (?)", (next(_numbers),))


def file_written() -> None:
    with tempfile.TemporaryFile("w") as file:
        file.write(f"text {next(_numbers)}")


def process_run() -> None:
    assert subprocess.run(["true"], check=True).returncode == 0


def patched() -> None:
    with mock.patch("os.getcwd", return_value="x") as getcwd:
        assert os.getcwd() == "x"
    assert getcwd.called


# What is replaced on each run


def last_result() -> None:
    STORE["last"] = [Record() for _ in range(50)]


def number_counted_up() -> None:
    STORE["total"] = typing.cast("int", STORE.get("total", 250)) + 1


def tail_of_a_log(characters: int) -> None:
    STORE["tail"] = (str(STORE.get("tail", "")) + f"line {next(_numbers)}\n")[-characters:]


def buffer_reused() -> None:
    buffer = typing.cast("bytearray", STORE.setdefault("buffer", bytearray()))
    buffer.clear()
    buffer.extend(b"x" * _random.randrange(10_000))


def listener_removed() -> None:
    def listener() -> None:
        """Listen."""

    KEPT.append(listener)
    KEPT.remove(listener)


def slots_of_none(count: int) -> None:
    """Fill a ring of places for the first time with the same thing."""
    if len(KEPT) >= count:
        KEPT.pop(0)
    KEPT.append(None)
