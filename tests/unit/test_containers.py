"""Is growth in place counted, and are its container and its line named?"""

from __future__ import annotations

import gc
import itertools
from array import array
from collections import OrderedDict, deque

import pytest

from pytest_leakguard import check
from pytest_leakguard.counters.containers import ContainerItems, containers_among

VALUE = object()
NUMBERS = iter(range(1_000_000))


class Bus:
    def __init__(self):
        self.listeners = {"price": []}

    def subscribe(self, topic, listener):
        self.listeners[topic].append(listener)


class Shy(list):
    def __len__(self):
        raise RuntimeError("no length")


def listener():
    pass


nones: list[None] = []
text = bytearray()
numbers = array("i")
queue: deque[None] = deque()
places: dict[int, object] = {}
members = {*range(10)}
bus = Bus()

LEAKS = {
    "list of None": (lambda: nones.append(None), "nones", "global accumulation"),
    "byte array": (lambda: text.extend(b"x"), "text", "global accumulation"),
    "large byte array": (lambda: text.extend(b"x" * 1_000), "text", "global accumulation"),
    "array": (lambda: numbers.append(3), "numbers", "global accumulation"),
    "deque": (lambda: queue.append(None), "queue", "global accumulation"),
    "dict of small ints": (
        lambda: places.setdefault(next(NUMBERS) % 200, VALUE),
        "places",
        "unbounded cache",
    ),
    "same listener": (
        lambda: bus.subscribe("price", listener),
        "bus.listeners['price']",
        "event listener",
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_growth_in_place_is_a_leak_with_holder_pattern_and_line(name):
    function, holder, pattern = LEAKS[name]

    result = check(function, confirm="5 s")

    (finding,) = result.findings
    assert result.verdict == "leak"
    assert result.growth["container_items"] == (1_000 if name.startswith("large") else 1)
    assert (finding.holder.rpartition(f"{__name__}.")[2], finding.pattern) == (holder, pattern)
    assert finding.grown[0].file == __file__


@pytest.mark.parametrize(
    "function",
    [
        lambda: nones.append(None) or nones.pop(),
        lambda: members.discard(3) or members.add(3),
        lambda: [None] * 50,
        lambda: text.__setitem__(slice(None), b"abc"),
    ],
)
def test_what_is_put_in_and_taken_out_is_clean(function):
    function()
    result = check(function)

    assert (result.verdict, result.growth["container_items"]) == ("clean", 0)


class Ring:
    max_size = 500

    def __init__(self):
        self.items = []

    def add(self):
        self.items.append(None)
        del self.items[: -self.max_size]


RARE: list[list[None]] = [[], [], []]
recent: deque[None] = deque(maxlen=1_000)
ring = Ring()


@pytest.mark.parametrize("function", [lambda: recent.append(None), ring.add])
def test_a_container_with_room_below_its_bound_is_bounded(function):
    result = check(function, confirm="5 s")

    assert result.verdict == "bounded"
    assert " of " in result.reason


def test_each_container_counts_by_its_own_growth():
    first, second, untracked = [1, 2], deque([3]), {"a": 1}
    counter = ContainerItems(containers_among([first, second, [untracked, bytearray(b"x")]]))
    start = counter.read()

    first.clear()
    second.extend((4, 5))
    untracked["b"] = 2

    assert not gc.is_tracked(untracked) or len(untracked) == 2
    assert (start, counter.read()) == (0, 3)
    assert counter.grown() == [(second, 2), (untracked, 1)]


def test_no_user_code_is_asked_for_a_length():
    counter = ContainerItems([Shy([1]), OrderedDict(a=1)])

    assert counter.read() == 0


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_growth_in_place_on_every_third_run_is_found_at_any_phase(phase):
    runs = itertools.count(phase)
    rare = RARE[phase]

    result = check(lambda: rare.append(None) if next(runs) % 3 == 0 else None)

    assert result.verdict == "leak"
    assert result.findings[0].holder.endswith(f"RARE[{phase}]")
