"""Does the table say where memory is, and disturb nobody?"""

from __future__ import annotations

import gc
import json
import mmap
import os
import subprocess
import sys
import threading
import tracemalloc

import pytest

from pytest_leakguard.memory import arenas as reading
from pytest_leakguard.memory import measure
from pytest_leakguard.memory.objects import read_collector, read_objects
from pytest_leakguard.memory.tracing import Tracing
from pytest_leakguard.memory_table import MemoryTable

MIB = 2**20
HAS_ARENAS = bool(sys.getallocatedblocks()) and not tracemalloc.is_tracing()
ON_LINUX = sys.platform == "linux"
needs_arenas = pytest.mark.skipif(not HAS_ARENAS, reason="this interpreter has no arenas")
needs_linux = pytest.mark.skipif(not ON_LINUX, reason="Linux tells most")


def test_a_table_survives_a_journey():
    table = measure(limit=3)

    assert MemoryTable.from_plain(table.to_plain()) == table
    assert MemoryTable.from_plain(json.loads(json.dumps(table.to_plain()))) == table


def test_a_table_without_objects_survives_a_journey():
    table = measure(objects=False, worker="gw1", moment="now")

    assert MemoryTable.from_plain(json.loads(json.dumps(table.to_plain()))) == table
    assert table.process == f"gw1, process {os.getpid()}"
    assert table.objects is None
    assert table.absent["objects"] == "not looked at"


def in_use(table: MemoryTable) -> int:
    return table.native.in_use_bytes + table.native.mapped_bytes


@needs_linux
@needs_arenas
def test_large_objects_are_on_the_native_heap():
    gc.collect()  # other tests' garbage is not to be freed in between
    before = measure()
    kept = [bytearray(MIB) for _ in range(50)]

    after = measure()

    assert in_use(after) - in_use(before) >= 50 * MIB
    larger = after.objects.large_bytes - before.objects.large_bytes
    assert larger == pytest.approx(50 * MIB, rel=0.02)
    assert len(kept) == 50
    assert after.objects.types[0].name == "bytearray"
    assert after.arenas.size_bytes - before.arenas.size_bytes < 10 * MIB


@needs_arenas
def test_small_objects_are_in_arenas_and_leave_gaps_when_every_other_one_is_freed():
    before = measure(objects=False)
    kept = [b"%040d" % number for number in range(200_000)]  # 80 bytes each

    full = measure(objects=False)
    del kept[::2]
    gapped = measure(objects=False)

    assert full.arenas.blocks - before.arenas.blocks >= 200_000
    assert full.arenas.in_use_bytes - before.arenas.in_use_bytes >= 200_000 * 73
    assert gapped.arenas.blocks <= full.arenas.blocks - 90_000
    gaps = gapped.arenas.free_block_bytes - full.arenas.free_block_bytes
    assert gaps >= 90_000 * 73
    assert gapped.arenas.fragmentation > full.arenas.fragmentation
    assert len(kept) == 100_000


@needs_linux
@needs_arenas
def test_parts_explain_what_is_in_physical_memory():
    table = measure(objects=False)

    assert abs(table.unexplained_bytes) < 0.15 * table.rss_bytes + 4 * MIB
    assert 0 < table.uss_bytes <= table.rss_bytes
    assert sum(one.resident_bytes for one in table.maps) == pytest.approx(table.rss_bytes, rel=0.05)


@needs_linux
def test_memory_that_forks_share_is_told_by_itself():
    def shared(table: MemoryTable) -> int:
        return sum(one.resident_bytes for one in table.maps if one.name == "shared")

    before = measure(objects=False)
    with mmap.mmap(-1, 8 * MIB) as memory:
        memory.write(b"x" * 8 * MIB)
        after = measure(objects=False)

    assert shared(after) - shared(before) == 8 * MIB
    assert not any("/dev/zero" in one.name for one in after.files)


def test_parts_of_an_unknown_size_explain_nothing():
    assert MemoryTable(process="p", python="3", rss_bytes=MIB).unexplained_bytes is None


@needs_arenas
def test_nothing_reaches_standard_error(capfd):
    measure()

    assert capfd.readouterr() == ("", "")


@needs_arenas
def test_both_ways_to_the_text_lead_to_the_same_arenas(capfd):
    by_stream, by_descriptor = reading._to_memory(), reading._from_descriptor()

    first, second = reading.arenas_of(by_stream), reading.arenas_of(by_descriptor)
    assert first.number == second.number
    assert first.blocks == pytest.approx(second.blocks, abs=200)
    assert capfd.readouterr() == ("", "")


def test_what_others_write_while_standard_error_is_aside_is_passed_on(capfd):
    def write() -> None:
        os.write(2, b"one\n")
        other = threading.Thread(target=os.write, args=(2, b"two \xff\n"))
        other.start()
        other.join()
        sys._debugmallocstats()
        os.write(2, b"three")

    reading._from_descriptor(write)
    os.write(2, b", four\n")

    assert capfd.readouterr().err.encode("utf-8", "surrogateescape") in {
        b"one\ntwo \xff\nthree, four\n",
        "one\ntwo \ufffd\nthree, four\n".encode(),  # as pytest decodes it
    }


def test_standard_error_is_put_back_when_writing_fails(capfd):
    def fail() -> None:
        raise RuntimeError("no text")

    with pytest.raises(RuntimeError, match="no text"):
        reading._from_descriptor(fail)
    os.write(2, b"after\n")

    assert capfd.readouterr().err == "after\n"


def test_a_version_without_the_function_tells_nothing():
    assert reading._from_descriptor(None) is None


ASKED: list[str] = []


class Told:
    def __sizeof__(self) -> int:
        ASKED.append("size")
        return 10**12

    def __del__(self) -> None:
        ASKED.append("del")


class Meta(type):
    def __hash__(cls) -> int:
        ASKED.append("hash")
        return 1

    def __eq__(cls, other: object) -> bool:
        ASKED.append("eq")
        return True

    def __getattribute__(cls, name: str) -> object:
        ASKED.append(name)
        return type.__getattribute__(cls, name)


class Odd(metaclass=Meta):
    pass


class Proxy:
    @property
    def __class__(self) -> type:
        ASKED.append("class")
        return int


def test_no_user_code_runs():
    kept = [Told(), Odd(), Proxy()]
    ASKED.clear()

    table = measure()

    assert ASKED == []
    assert table.objects.size_bytes < 10**12
    del kept


def test_what_only_containers_refer_to_is_counted_once():
    text = "only here" * 1000
    read_objects(1, "size")  # what a first look leaves is not counted
    before = read_objects(1, "size")
    kept = [[text], (text,), {text: text}]

    after = read_objects(1, "size")

    assert 3 <= after.number - before.number < 40
    assert after.large - before.large < 3
    assert len(kept) == 3


def test_types_are_told_in_the_order_that_is_asked_for():
    kept = [bytearray(5 * MIB), *(object() for _ in range(300_000))]

    by_size, by_count = read_objects(1, "size"), read_objects(2, "count")

    assert by_size.types[0].size_bytes >= 5 * MIB
    assert by_count.types[0].name == "object"
    assert (len(by_size.types), len(by_count.types)) == (1, 2)
    assert min(by_size.further, by_count.further) > 10
    del kept


def test_the_collector_is_left_as_it_was():
    was = gc.isenabled()
    try:
        gc.disable()
        assert not read_collector().enabled
        read_objects(1, "size")
        assert not gc.isenabled()
        gc.enable()
        assert read_collector().enabled
        read_objects(1, "size")
        assert gc.isenabled()
    finally:
        (gc.enable if was else gc.disable)()


def test_generations_have_the_objects_that_the_collector_lists():
    collector = read_collector()

    assert collector.objects == pytest.approx(len(gc.get_objects()), rel=0.05)
    assert collector.generations[0].threshold == gc.get_threshold()[0]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=True
    )


def told(code: str, *options: str, **environment: str) -> MemoryTable:
    """Return the table that a process of its own prints."""
    done = run(*options, "-c", code, **environment)
    return MemoryTable.from_plain(json.loads(done.stdout))


PRINT = """
import json
from pytest_leakguard.memory import measure
print(json.dumps(measure({}).to_plain()))
"""


@needs_linux
def test_without_python_s_own_allocator_there_are_no_arenas():
    table = told(PRINT.format(""), PYTHONMALLOC="malloc")

    assert (table.allocator, table.arenas) == ("malloc", None)
    assert table.absent["arenas"].endswith("(PYTHONMALLOC=malloc)")
    assert abs(table.unexplained_bytes) < 0.1 * table.rss_bytes


@needs_arenas
def test_arenas_are_told_with_the_debug_hooks_of_the_allocator():
    table = told(PRINT.format("objects=False"), PYTHONMALLOC="debug")

    assert table.arenas.blocks > 10_000


@needs_arenas
def test_tracing_that_somebody_else_has_started_hides_arenas():
    table = told(PRINT.format("limit=2"), "-X", "tracemalloc")

    assert table.arenas is None
    assert table.absent["arenas"] == "CPython does not tell of them while tracemalloc is on"
    assert table.unexplained_bytes is None
    assert len(table.traced.packages) == 2
    assert table.traced.further > 0
    assert table.traced.packages[0].size_bytes >= table.traced.packages[1].size_bytes


@needs_arenas
def test_tracing_that_is_started_with_care_hides_nothing_and_goes_on():
    code = """
from pytest_leakguard.memory import measure
from pytest_leakguard.memory.tracing import Tracing
import json, tracemalloc
tracing = Tracing()
kept = [bytearray(1 << 20) for _ in range(3)]
table = measure(limit=1, root="", tracing=tracing)
late = [bytearray(1 << 20)]
assert tracemalloc.get_object_traceback(late[0]) is not None
del kept, late
assert tracemalloc.get_traced_memory()[0] < 3 << 20
print(json.dumps(table.to_plain()))
"""
    table = told(code)

    assert table.arenas.blocks > 10_000
    assert table.traced.size_bytes >= 3 * MIB
    assert table.absent.keys() <= {"free_lists"}


@pytest.fixture
def traces():
    """Leave tracemalloc as it was."""
    was_on = tracemalloc.is_tracing()
    yield
    if not was_on:
        tracemalloc.stop()


@pytest.mark.usefixtures("traces")
def test_tracing_that_was_on_already_is_left_alone():
    tracemalloc.start()

    with Tracing().lifted():
        kept = bytearray(100)

    assert tracemalloc.get_object_traceback(kept) is not None


@pytest.mark.usefixtures("traces")
def test_what_others_call_by_ctypes_is_left_as_it_was():
    import ctypes

    before = ctypes.pythonapi.PyMem_GetAllocator.argtypes

    measure(objects=False)
    with Tracing().lifted():
        pass

    assert ctypes.pythonapi.PyMem_GetAllocator.argtypes == before
