"""Is a leak seen behind holders that have a bound, and growth without a holder held to last?"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import sys
from collections import deque

import pytest

from pytest_leakguard import check
from pytest_leakguard.counters.native import NativeBytes

NUMBERS = itertools.count(1_000)
LISTENERS = []
SEEN = []
SLOTS = {"ring": [None] * 250, "recorder": [[0]] * 250}
needs_native = pytest.mark.skipif(not NativeBytes.works(), reason="native memory is not counted")
needs_descriptors = pytest.mark.skipif(
    sys.platform == "win32", reason="a POSIX system's null device"
)


@functools.lru_cache(128)
def priced(number):
    return [number]


RECENT = deque(maxlen=120)


def nothing_else():
    priced(next(NUMBERS))


def listener_added_again():
    priced(next(NUMBERS))
    LISTENERS.append(len)


def kept_elsewhere_as_well():
    SEEN.append(entry := [next(NUMBERS)])
    RECENT.append(entry)


def opened_on_the_same_line():
    RECENT.append((next(NUMBERS), os.open(os.devnull, os.O_RDONLY)))


def taken_from_the_c_library():
    priced(next(NUMBERS))
    allocate = ctypes.CDLL(None).malloc
    allocate(40_000)


@pytest.fixture(autouse=True)
def empty():
    """Let each test begin with caches of its own."""
    opened_before = {*os.listdir("/dev/fd")} if os.path.isdir("/dev/fd") else set()
    priced.cache_clear()
    RECENT.clear()
    yield
    for number in {*os.listdir("/dev/fd")} - opened_before if opened_before else ():
        try:
            os.close(int(number))
        except OSError:  # that of the listing
            continue


def test_a_cache_alone_is_bounded():
    result = check(nothing_else)

    assert result.verdict == "bounded"
    assert "lru_cache" in result.reason
    assert result.executions > 128  # it was filled


@pytest.mark.parametrize(
    ("run", "holder", "type_"),
    [
        (listener_added_again, "LISTENERS", "builtin_function_or_method"),
        (kept_elsewhere_as_well, "SEEN", "list"),
        pytest.param(
            opened_on_the_same_line, "this process", "file descriptor", marks=needs_descriptors
        ),
        pytest.param(taken_from_the_c_library, "this process", "native memory", marks=needs_native),
    ],
)
def test_what_leaks_behind_a_bounded_holder_is_a_finding(run, holder, type_):
    result = check(run)

    assert result.verdict == "leak"
    (finding,) = result.findings
    assert finding.holder.endswith(holder)
    assert finding.type == type_
    assert not finding.bound


def test_a_leak_beside_many_bounded_holders_is_a_finding():
    caches = [functools.lru_cache(400)(lambda number: [number]) for _ in range(12)]

    def run():
        for cache in caches:
            cache(next(NUMBERS))
        LISTENERS.append(object())

    result = check(run)

    assert result.verdict == "leak"
    (finding,) = result.findings
    assert finding.holder.endswith("LISTENERS")


class Buffer:
    """Takes bytes up to a limit, and begins anew."""

    def __init__(self, limit):
        self.limit = limit
        self.data = bytearray()

    def fill(self):
        """Add some bytes, or drop all where the limit is passed."""
        if len(self.data) > self.limit:
            self.data.clear()
        self.data += bytes(3_000)


BUFFER = Buffer(100_000_000)


def test_a_buffer_that_is_too_large_to_be_filled_is_not_told_as_native_memory():
    result = check(BUFFER.fill, confirm="3 s")

    assert result.verdict == "bounded"
    assert "Buffer.limit" in result.reason


@pytest.mark.parametrize("name", SLOTS)
def test_places_made_beforehand_are_the_bound(name):
    slots = SLOTS[name]
    turns = itertools.count()

    def run():
        slots[next(turns) % len(slots)] = [0]

    result = check(run)

    assert result.verdict == "bounded"
    assert " of 250 places filled" in result.reason


class Unseen:
    """Keeps the last errors where nobody finds them, as an extension does."""

    def __init__(self, most):
        self.most = most
        self.kept = 0

    def run(self):
        """Keep one more object, or the last ones."""
        if self.kept < self.most:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object([object()]))
            self.kept += 1


@pytest.mark.parametrize(("most", "verdict"), [(150, "bounded"), (sys.maxsize, "leak")])
def test_growth_that_nobody_holds_has_to_last(most, verdict):
    result = check(Unseen(most).run)

    assert result.verdict == verdict
    assert result.executions > 400
