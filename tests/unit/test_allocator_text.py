"""Is CPython's text on its allocator read as each version writes it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_leakguard.memory.allocator_text import arenas_of, is_of_mimalloc, strangers
from pytest_leakguard.memory_table import FreeList, SizeClass

TEXTS = {
    path.stem: path.read_text(encoding="ascii")
    for path in sorted(Path(__file__).with_name("allocator_texts").glob("*.txt"))
}
MIMALLOC = """\
Small block threshold = 8192, in 73 size classes.
Medium block threshold = 131072
Large object max size = 2097152
    Allocated Blocks: 21842
    Allocated Bytes: 2340944
    Allocated Bytes w/ Overhead: 2348208
    Bytes Reserved: 2883584
    Bytes Committed: 2883584
"""


def test_there_is_a_text_of_each_version_that_can_be_had():
    assert set(TEXTS) == {"3.10", "3.11", "3.12", "3.13"}


@pytest.mark.parametrize("version", TEXTS)
def test_the_parts_of_arenas_add_up_to_them(version):
    arenas = arenas_of(TEXTS[version])

    parts = (
        arenas.in_use_bytes,
        arenas.free_block_bytes,
        arenas.free_pool_bytes,
        arenas.lost_bytes,
    )
    assert sum(parts) == arenas.size_bytes == arenas.number * 2**20
    assert sum(one.block_bytes * one.in_use for one in arenas.classes) == arenas.in_use_bytes
    assert sum(one.free_bytes for one in arenas.classes) == arenas.free_block_bytes


@pytest.mark.parametrize("version", TEXTS)
def test_no_line_of_the_text_is_taken_for_somebody_elses(version):
    assert [*strangers(TEXTS[version])] == []
    assert [*strangers(MIMALLOC)] == []


def test_a_text_is_read_whole():
    arenas = arenas_of(TEXTS["3.11"])

    assert arenas.classes[0] == SizeClass(block_bytes=16, pools=1, in_use=106, free=915)
    assert arenas.classes[-1] == SizeClass(block_bytes=512, pools=2, in_use=50, free=12)
    assert len(arenas.classes) == 32
    assert (arenas.most, arenas.reclaimed, arenas.free_pools) == (4, 0, 17)
    assert (arenas.header_bytes, arenas.rounding_bytes) == (11280, 16480)
    assert arenas.alignment_bytes == 65536
    assert FreeList(type="PyListObject", number=40, size_bytes=1600) in arenas.free_lists
    assert arenas.fragmentation == pytest.approx(1 - 3494400 / 4194304)


@pytest.mark.parametrize(
    ("left_out", "unknown"),
    [
        ("# arenas reclaimed", "reclaimed"),
        ("# arenas highwater mark", "most"),
        ("# bytes in available blocks", "free_block_bytes"),
        ("17 unused pools", "free_pools"),
        ("17 unused pools", "free_pool_bytes"),
        ("# bytes lost to quantization", "rounding_bytes"),
    ],
)
def test_what_a_version_does_not_write_is_unknown_and_not_0(left_out, unknown):
    lines = TEXTS["3.11"].splitlines(keepends=True)

    arenas = arenas_of("".join(line for line in lines if not line.startswith(left_out)))

    assert getattr(arenas, unknown) is None
    assert arenas.in_use_bytes == 3494400


@pytest.mark.parametrize(
    "needed", ["4 arenas * 1048576 bytes/arena", "# bytes in allocated blocks"]
)
def test_without_what_arenas_are_made_of_there_are_none(needed):
    lines = TEXTS["3.11"].splitlines(keepends=True)

    assert arenas_of("".join(line for line in lines if not line.startswith(needed))) is None


def test_a_free_threaded_build_has_no_arenas():
    assert arenas_of(MIMALLOC) is None
    assert is_of_mimalloc(MIMALLOC)
    assert not any(is_of_mimalloc(text) for text in TEXTS.values())


@pytest.mark.parametrize("text", ["", "\n", "# arenas\n", "arenas = many\n", "1 2 3 4 5\n"])
def test_other_texts_have_no_arenas(text):
    assert arenas_of(text) is None


def test_lines_of_others_between_those_of_the_text_are_told_apart():
    first, rest = TEXTS["3.11"][:700], TEXTS["3.11"][700:]
    end = rest.index("\n") + 1

    mixed = f"before\n{first}{rest[:end]}Total: 7 \udcff\r\n{rest[end:]}unfinished"

    assert [*strangers(mixed)] == ["before\n", "Total: 7 \udcff\r\n", "unfinished"]
    assert arenas_of(mixed) == arenas_of(TEXTS["3.11"])
