"""Is where memory is written as people and machines read it?"""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest
from sample import FACTS, ROOT
from test_reports import LEAK, NATIVE, check_golden

from pytest_leakguard.memory_table import (
    Arenas,
    Collector,
    FreeList,
    Generation,
    Mapped,
    MemoryTable,
    NativeHeap,
    Objects,
    SizeClass,
    Tallied,
    Traced,
)
from pytest_leakguard.model import Result
from pytest_leakguard.reports.memory import memory_lines
from pytest_leakguard.reports.memory_in_short import page_lines, short_lines
from pytest_leakguard.reports.metrics import metrics_of
from pytest_leakguard.reports.text import failure_page
from pytest_leakguard.settings import Settings

MIB = 2**20
TABLE = MemoryTable(
    process="process 4711",
    python="3.13.1",
    moment="at the end",
    rss_bytes=100 * MIB,
    uss_bytes=80 * MIB,
    allocator="pymalloc",
    arenas=Arenas(
        number=40,
        arena_bytes=MIB,
        most=50,
        reclaimed=10,
        in_use_bytes=30 * MIB,
        free_block_bytes=8 * MIB,
        free_pools=64,
        pool_bytes=16384,
        header_bytes=MIB // 2,
        rounding_bytes=MIB // 4,
        alignment_bytes=MIB // 4,
        classes=(
            SizeClass(block_bytes=16, pools=10, in_use=9000, free=1000),
            SizeClass(block_bytes=64, pools=3000, in_use=600000, free=130822),
            SizeClass(block_bytes=512, pools=1, in_use=31, free=0),
        ),
        free_lists=(FreeList(type="PyListObject", number=40, size_bytes=1600),),
    ),
    native=NativeHeap(
        in_use_bytes=20 * MIB, free_bytes=5 * MIB, top_bytes=MIB, mapped_bytes=10 * MIB
    ),
    maps=(
        Mapped(name="anonymous", number=50, size_bytes=300 * MIB, resident_bytes=52 * MIB),
        Mapped(name="heap", number=1, size_bytes=26 * MIB, resident_bytes=25 * MIB),
        Mapped(name="files", number=200, size_bytes=30 * MIB, resident_bytes=20 * MIB),
        Mapped(name="stack", number=1, size_bytes=135168, resident_bytes=65536),
    ),
    files=(
        Mapped(name="/usr/lib/liba\x1b.so", number=5, size_bytes=9 * MIB, resident_bytes=7 * MIB),
        Mapped(name="/usr/lib/libc.so.6", number=5, size_bytes=2 * MIB, resident_bytes=MIB),
    ),
    further_files=38,
    traced=Traced(
        size_bytes=12 * MIB,
        peak_bytes=13 * MIB,
        own_bytes=3 * MIB,
        packages=(
            Tallied(name="shop", number=1200, size_bytes=11 * MIB),
            Tallied(name="json (standard library)", number=3, size_bytes=MIB),
        ),
        further=4,
    ),
    collector=Collector(
        generations=(
            Generation(objects=12, count=300, threshold=2000, collections=90),
            Generation(objects=2000, count=4, threshold=10, collections=8),
            Generation(objects=250000, count=0, threshold=0, collections=1),
        ),
        frozen=375,
        garbage=1,
        enabled=False,
    ),
    objects=Objects(
        number=600000,
        size_bytes=45 * MIB,
        large=3000,
        large_bytes=15 * MIB,
        types=(
            Tallied(name="shop.Tag", number=100000, size_bytes=20 * MIB),
            Tallied(name="str", number=300000, size_bytes=18 * MIB),
        ),
        further=213,
    ),
)
UNKNOWN = MemoryTable(
    process="process 1",
    python="3.14.0",
    absent={
        "rss": "not told by this system",
        "arenas": "there are none: this Python uses mimalloc",
        "native": "not told by this system",
        "maps": "not told by this system",
    },
)


def test_a_table_reads_as_its_golden_text():
    check_golden("memory.txt", "\n".join(memory_lines(TABLE, limit=2, hint="--limit=4")))


def test_a_table_in_short_reads_as_its_golden_text():
    check_golden("memory_in_short.txt", "\n".join(short_lines(TABLE)))


def test_what_is_unknown_is_told_with_its_reason_and_never_as_0():
    whole = [*memory_lines(UNKNOWN, limit=10)]
    short = [*short_lines(UNKNOWN)]

    assert whole[-4:] == [
        "missing: RSS: not told by this system",
        "missing: arenas, pools and blocks: there are none: this Python uses mimalloc",
        "missing: native heap: not told by this system",
        "missing: maps: not told by this system",
    ]
    assert short == [
        "resident     not told by this system",
        "arenas       there are none: this Python uses mimalloc",
        "native heap  not told by this system",
    ]
    assert not any("0 B" in line for line in [*whole, *short])


@pytest.mark.parametrize(
    ("rss_bytes", "said"),
    [
        (
            100 * MIB,
            ["explained: 95.1 % of RSS", "unexplained: 4.9 MiB, such as"],
        ),
        (90 * MIB, ["explained: 105.6 % of RSS", "not resident: 5.1 MiB of that"]),
    ],
)
def test_parts_are_held_against_what_is_in_physical_memory(rss_bytes, said):
    lines = [*memory_lines(replace(TABLE, rss_bytes=rss_bytes), limit=1)]

    for beginning in said:
        assert any(line.startswith(beginning) for line in lines)


def test_a_page_on_bytes_tells_where_memory_is_and_others_do_not():
    page = failure_page(
        replace(NATIVE, memory=TABLE), Settings(), where="tests/test_it.py:1", root=ROOT
    )
    other = failure_page(LEAK, Settings(), where="tests/test_it.py:1", root=ROOT)

    assert "\n".join(page_lines(TABLE)) in page
    assert "RSS" not in other


def test_a_long_page_keeps_to_its_length_with_the_table():
    (finding,) = LEAK.findings[:1]
    many = replace(LEAK, findings=(finding,) * 5, memory=TABLE)

    page = failure_page(
        many, Settings(), where="tests/test_it.py:1", root=ROOT, accept=("f.toml", "a", "b", "c")
    )

    assert len(page.splitlines()) <= 42
    assert "RSS 100 MiB, USS 80 MiB" in page


@pytest.mark.parametrize(
    ("growth", "is_of_bytes"),
    [
        ({"native_bytes": 64.0}, True),
        ({"mapped_bytes": 4096.0, "gc_objects": 0.0}, True),
        ({"traced_bytes": 10.0, "native_bytes": 64.0, "blocks": None}, True),
        ({"traced_bytes": 10.0, "blocks": None}, True),
        ({"native_bytes": 64.0, "gc_objects": 1.0}, False),
        ({"container_items": 1.0, "traced_bytes": 8.0}, False),
        ({"fds": 1.0}, False),
        ({}, False),
    ],
)
def test_a_leak_is_of_bytes_if_nothing_else_grows(growth, is_of_bytes):
    assert Result(verdict="leak", growth=growth).is_of_bytes is is_of_bytes
    assert not Result(verdict="inconclusive", growth=growth).is_of_bytes


def test_a_leak_is_of_bytes_if_a_finding_has_no_object():
    (finding,) = NATIVE.findings[:1]
    result = Result(verdict="leak", growth={"blocks": 2.0}, findings=(finding,))

    assert result.is_of_bytes
    assert Result.from_plain(replace(result, memory=TABLE).to_plain()).memory == TABLE


def test_an_object_that_grows_in_place_is_not_of_bytes_unless_the_native_heap_grows():
    (finding,) = LEAK.findings[:1]
    in_place = Result(verdict="leak", growth={"traced_bytes": 10.0}, findings=(finding,))

    assert not in_place.is_of_bytes
    assert replace(in_place, growth={"traced_bytes": 10.0, "native_bytes": 9.0}).is_of_bytes
    assert replace(in_place, growth={"native_bytes": 9.0}).is_of_bytes


def test_json_has_the_table_as_its_schema_says():
    import json
    from pathlib import Path

    import pytest_leakguard.reports
    from pytest_leakguard.reports.json import render_json

    schema = Path(pytest_leakguard.reports.__file__).with_name("schema.json")
    (first, *others) = FACTS.tests
    with_table = replace(first, result=replace(first.result, memory=UNKNOWN))

    document = json.loads(
        render_json(replace(FACTS, memory=TABLE, tests=(with_table, *others)), ROOT)
    )

    jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))
    assert MemoryTable.from_plain(document["memory"]) == TABLE
    assert MemoryTable.from_plain(document["tests"][0]["memory"]) == UNKNOWN
    assert document["tests"][1]["memory"] is None


def test_metrics_have_what_is_known():
    def sizes(table: MemoryTable | None) -> dict[str, float]:
        return {
            metric.name: metric.samples[0][1]
            for metric in metrics_of(replace(FACTS, memory=table), ROOT)
            if metric.name.startswith("leakguard_memory_")
        }

    assert sizes(TABLE) == {
        "leakguard_memory_rss": 100 * MIB,
        "leakguard_memory_uss": 80 * MIB,
        "leakguard_memory_arenas": 40 * MIB,
        "leakguard_memory_arenas_in_use": 30 * MIB,
        "leakguard_memory_native_in_use": 30 * MIB,
    }
    assert sizes(UNKNOWN) == sizes(None) == {}


def test_the_page_for_browsers_has_the_table():
    pytest.importorskip("jinja2")
    pytest.importorskip("leather")
    from test_html import Page

    from pytest_leakguard.reports.html import render_html

    (first, *others) = FACTS.tests
    with_table = replace(first, result=replace(first.result, memory=TABLE))

    page = Page(render_html(replace(FACTS, memory=TABLE, tests=(with_table, *others)), ROOT))
    without = Page(render_html(FACTS, ROOT))

    assert "memory" not in without.texts
    for said in ("100 MiB", "shop.Tag", "liba\\x1b.so", "213 more", "fragmentation: 25.0 %"):
        assert said in page.texts["memory"]
    assert any("RSS 100 MiB" in text for key, text in page.texts.items() if key != "memory")
