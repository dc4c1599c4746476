"""Tests that work on the interpreter itself, which a re-run must not confuse."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref


class Node:
    """Part of a cycle."""

    def __init__(self) -> None:
        self.me = self


KEPT = Node()
HOLDERS = [KEPT]


def test_collector_is_off_while_cycles_are_made() -> None:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        nodes = [Node() for _ in range(50)]
    finally:
        if was_enabled:
            gc.enable()

    assert len(nodes) == 50


def test_collector_is_asked_who_refers_to_an_object_of_the_module() -> None:
    assert any(holder is HOLDERS for holder in gc.get_referrers(KEPT))


def test_collector_is_asked_for_all_objects() -> None:
    node = Node()

    assert any(thing is node for thing in gc.get_objects())


def test_cycle_is_gone_after_a_collection() -> None:
    node = Node()
    reference = weakref.ref(node)
    del node
    gc.collect()

    assert reference() is None


def test_thresholds_are_changed_and_put_back() -> None:
    before = gc.get_threshold()
    gc.set_threshold(10, 5, 5)
    try:
        nodes = [Node() for _ in range(200)]
    finally:
        gc.set_threshold(*before)

    assert len(nodes) == 200


def test_memory_is_traced_for_a_moment() -> None:
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        kept = [bytes(100) for _ in range(100)]
        size, _ = tracemalloc.get_traced_memory()
    finally:
        if not was_tracing:
            tracemalloc.stop()

    assert size >= len(kept) * 100


def test_local_tracer_is_set_and_removed() -> None:
    events: list[str] = []

    def trace(frame: object, event: str, argument: object) -> None:
        events.append(event)

    before = sys.getprofile()
    sys.setprofile(trace)
    abs(-1)
    sys.setprofile(before)

    assert "c_call" in events


def test_recursion_limit_is_changed_and_put_back() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + 100)
    sys.setrecursionlimit(before)

    assert sys.getrecursionlimit() == before


def test_local_data_of_ten_threads_is_gone() -> None:
    local = threading.local()

    def fill() -> None:
        local.nodes = [Node() for _ in range(10)]

    threads = [threading.Thread(target=fill) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not hasattr(local, "nodes")
