"""Is what the allocators hold ready told from what somebody has mapped?"""

from __future__ import annotations

import mmap
import sys
import threading

import pytest

from pytest_leakguard.counters import reserves
from pytest_leakguard.counters.mapped import IS_CHEAP, MappedBytes

MIB = 1 << 20
pytestmark = pytest.mark.skipif(not IS_CHEAP, reason="the system tells of no address space")


def read():
    """Return what is mapped, without what the allocators hold ready and with it."""
    reserves.note()
    return MappedBytes().read(), MappedBytes(all_of_them=True).read()


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="CPython hides what writes of its arenas")
def test_arenas_are_not_counted():
    kept = [None] * 40_000
    before, all_before = read()
    for number in range(len(kept)):
        kept[number] = bytes(400)
    after, all_after = read()

    assert all_after - all_before >= 12 * MIB
    assert after == before


@pytest.mark.skipif(not reserves._write_heaps(), reason="another C library")
def test_heaps_of_threads_are_not_counted_and_their_stacks_are():
    stack_bytes = 16 * MIB  # larger than any that a thread may have left behind
    end = threading.Event()
    ready = threading.Barrier(3)

    def work():
        ready.wait()
        end.wait()

    before, all_before = read()
    size_before = threading.stack_size(stack_bytes)
    threads = [threading.Thread(target=work) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        ready.wait()
        after, all_after = read()
    finally:
        threading.stack_size(size_before)
        end.set()
        for thread in threads:
            thread.join()

    assert 2 * stack_bytes <= after - before < 2 * stack_bytes + MIB
    assert (all_after - all_before) - (after - before) in (0, 64 * MIB, 128 * MIB)


def test_what_a_test_maps_is_counted():
    before, all_before = read()
    with mmap.mmap(-1, 3 * MIB):
        after, all_after = read()

    assert after - before == all_after - all_before == 3 * MIB


def test_without_a_word_of_arenas_what_was_noted_stands(monkeypatch):
    monkeypatch.setattr(reserves, "_held", reserves._Held())
    texts = iter([b"3 arenas * 1048576 bytes/arena   =  3,145,728\n", b""])
    monkeypatch.setattr(reserves, "text_written", lambda writers: next(texts))
    monkeypatch.setattr(reserves, "_write_arenas", lambda: print)
    monkeypatch.setattr(reserves, "_write_heaps", lambda: None)

    reserves.note()
    reserves.note()

    assert reserves.held_bytes() == 3 * MIB
