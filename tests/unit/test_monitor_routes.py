"""Ways to containers: followed anew each time, and nothing kept alive by them."""

from __future__ import annotations

import functools
import gc
import sys
import weakref
from collections import deque
from types import ModuleType

import pytest

from pytest_leakguard.identity import identity_of
from pytest_leakguard.monitor.routes import routes_to


class Store:
    kinds = {}  # noqa: RUF012  # shared on purpose

    def __init__(self):
        self.items = []


class Slotted:
    __slots__ = ("items",)

    def __init__(self):
        self.items = []


class Items(list):
    pass


def closure(items):
    def function():
        return items

    return function


def with_default(*, items=[]):  # noqa: B006  # on purpose
    return items


@functools.cache
def memo(number):
    return [number]


@pytest.fixture
def module(monkeypatch):
    made = ModuleType("some_module")
    monkeypatch.setitem(sys.modules, "some_module", made)
    return made


def route_to(container, places=None):
    found = routes_to(
        [identity_of(container)],
        ["some_module"],
        places or {},
        own={__name__.partition(".")[0]},
        foreign=lambda package: package == "_pytest",
    )
    return found.get(identity_of(container))


NESTED = [{"a": deque([{"b": []}])}]
WAYS = {
    ".store.items": lambda module: vars(module).setdefault("store", Store()).items,
    ".slotted": lambda module: vars(module).setdefault("slotted", Slotted()).items,
    ".function.__closure__[0]": lambda module: (
        vars(module).setdefault("function", closure(x := [])) and x
    ),
    ".with_default.__kwdefaults__['items']": lambda module: (
        setattr(module, "with_default", with_default) or with_default.__kwdefaults__["items"]
    ),
    ".nested[0]['a'][0]['b']": lambda module: (
        setattr(module, "nested", NESTED) or NESTED[0]["a"][0]["b"]
    ),
    ".method.__self__.items": lambda module: (
        setattr(module, "method", (store := Store()).__init__) or store.items
    ),
}


@pytest.mark.parametrize(("name", "place"), WAYS.items())
def test_a_container_is_found_by_the_way_to_it(module, name, place):
    container = place(module)

    route = route_to(container)

    assert route.name == f"some_module{name}"
    assert route.end(dict) is container


def test_a_container_of_a_class_is_found(module):
    module.Store = Store

    route = route_to(Store.kinds)

    assert route.name == "some_module.Store.kinds"
    assert route.end(dict) is Store.kinds


def test_the_entries_of_a_cache_of_the_interpreter_s_are_found(module):
    module.memo = memo
    memo(1)
    (entries,) = [one for one in gc.get_referents(memo) if type(one) is dict and 1 in one]

    route = route_to(entries)

    assert route.name == "some_module.memo"
    assert route.end(dict) is entries


def test_a_container_below_a_place_is_found_as_long_as_there_is_the_place(module):
    store = Store()
    places = {"fixture store": store}

    route = route_to(store.items, places)

    assert route.name == "fixture store.items"
    assert route.end(lambda: places) is store.items
    assert route.end(dict) is None


def test_what_a_container_is_replaced_by_is_at_the_end_of_the_same_way(module):
    module.items = (old := Items())
    route = route_to(old)

    module.items = [*old, 1]

    assert route.end(dict) == [1]


def test_a_way_keeps_nothing_alive(module):
    module.store = Store()
    module.store.items = Items()
    route, gone = route_to(module.store.items), weakref.ref(module.store.items)

    del module.store

    assert gone() is None
    assert route.end(dict) is None


def test_the_lists_of_an_event_loop_are_its_own_affair(module):
    class Loop:
        __module__ = "asyncio.base_events"

        def __init__(self):
            self.scheduled = []

    module.loop = Loop()

    assert route_to(module.loop.scheduled) is None
