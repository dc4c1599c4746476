"""Is a file of snapshots understood whole, or refused in words, whatever it has?"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from array import array
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_leakguard.errors import UnusableSnapshotError
from pytest_leakguard.snapshots import form
from pytest_leakguard.snapshots.model import COLUMNS, Header, Snapshot, Tables
from pytest_leakguard.snapshots.reading import begins_as_ours, decoded, read
from pytest_leakguard.snapshots.writing import encoded, write

HEADER = Header(
    kind="before",
    time=1_800_000_000.25,
    pid=4711,
    python="3.13.1",
    platform="Linux",
    root="/srv/shop",
    library="/usr/lib/python3.13",
    test="test_a.py::test_\udc80\0x",
    pair="4711-1",
    runs=6,
    fingerprints=("7f3c9a1e",),
    frame_limit=25,
    scope="new",
    figures={"blocks": 7},
)
TABLES = Tables(
    names=["", "/srv/shop/a\udc80.py", "/usr/lib/python3.13/json/decoder.py", "dict"],
    frame_files=array("I", [1, 2]),
    frame_lines=array("I", [13, 4_000_000_000]),
    depths=array("I", [2, 1]),
    sizes=array("Q", [2**40, 100]),
    counts=array("Q", [3, 1]),
    frames=array("I", [1, 0, 0]),
    type_names=array("I", [3]),
    type_counts=array("Q", [5]),
    type_sizes=array("Q", [320]),
)
SNAPSHOT = Snapshot(header=HEADER, tables=TABLES)
HERE = Path("a.leaksnap")


def summed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


CONTENT = summed(b"".join(encoded(HERE, SNAPSHOT)))


def section(tag: bytes, content: bytes, *, length: int | None = None, packed: bytes | None = None):
    packed = zlib.compress(content) if packed is None else packed
    return form.SECTION.pack(tag, len(content) if length is None else length, len(packed)) + packed


def file_of(**changed: bytes) -> bytes:
    """Return a file with whole sections of other contents, in bytes, and a sum that fits."""
    sections = {
        form.HEADER_TAG: json.dumps(asdict(HEADER)).encode(),
        form.NAMES_TAG: "\0".join(TABLES.names).encode("utf-8", "surrogatepass"),
        **{tag: getattr(TABLES, name).tobytes() for name, tag, _, _ in COLUMNS},
    }
    sections |= {tag.encode(): content for tag, content in changed.items()}
    parts = [section(tag, content) for tag, content in sections.items()]
    return summed(form.START.pack(form.MAGIC, form.VERSION) + b"".join(parts))


def refusal(content: bytes) -> str:
    with pytest.raises(UnusableSnapshotError) as caught:
        decoded(HERE, content)
    assert str(caught.value) == f"a.leaksnap: {caught.value.reason}"
    return caught.value.reason


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "a.leaksnap"
    write(path, SNAPSHOT)

    assert read(path) == SNAPSHOT
    assert begins_as_ours(path)
    assert decoded(HERE, file_of()) == SNAPSHOT


def test_a_name_with_a_null_stays_one_name(tmp_path):
    tables = replace(TABLES, names=["", "a\0b", "c", "dict"])

    assert decoded(
        HERE, summed(b"".join(encoded(HERE, replace(SNAPSHOT, tables=tables))))
    ).tables.names == ["", r"a\0b", "c", "dict"]


@pytest.mark.parametrize("change", [1, 0x80, 0xFF])
def test_a_file_with_any_byte_changed_is_refused(change):
    for place in range(len(CONTENT)):
        damaged = bytearray(CONTENT)
        damaged[place] ^= change
        refusal(bytes(damaged))


def test_a_file_that_ends_anywhere_else_is_refused():
    for end in range(len(CONTENT)):
        refusal(CONTENT[:end])
    assert "checksum" in refusal(CONTENT + b"\0")
    assert refusal(b"") == "is empty"


@pytest.mark.parametrize(
    "content",
    [b"\x80\x04\x95pickled", b"{}", b"SQLite format 3\0", b"\x89PNG\r\n\x1a\n", b"\0" * 100],
)
def test_a_file_of_something_else_is_called_so(content):
    assert refusal(content) == "is no snapshot of pytest-leakguard"


def test_a_file_of_a_newer_version_is_called_so():
    newer = form.START.pack(form.MAGIC, form.VERSION + 1) + b"what nobody knows yet"

    assert refusal(newer).startswith("has version 2 of the format, and this release")
    assert refusal(form.START.pack(form.MAGIC, 0)) == (
        "is damaged: there is no version 0 of the format"
    )


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(content):
    refusal(content)
    refusal(form.START.pack(form.MAGIC, form.VERSION) + content)
    refusal(summed(form.START.pack(form.MAGIC, form.VERSION) + content))


_TAGS = [form.HEADER_TAG, form.NAMES_TAG, *(tag for _, tag, _, _ in COLUMNS)]
_NUMBERS = st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 4), max_size=6).map(
    lambda numbers: struct.pack(f"<{len(numbers)}I", *numbers)
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_HEADERS = st.dictionaries(st.sampled_from([*asdict(HEADER)]), _JSON).map(
    lambda changed: json.dumps({**asdict(HEADER), **changed}).encode()
)


@given(st.sampled_from(_TAGS), st.binary(max_size=60) | _NUMBERS | _HEADERS)
def test_a_section_of_anything_is_understood_or_refused(tag, content):
    try:
        snapshot = decoded(HERE, file_of(**{tag.decode(): content}))
    except UnusableSnapshotError:
        return

    assert decoded(HERE, summed(b"".join(encoded(HERE, snapshot)))) == snapshot


@pytest.mark.parametrize(
    ("tag", "content", "why"),
    [
        ("HEAD", b"[" * 100_000, "header"),
        ("HEAD", b'{"time": ' + b"9" * 5000 + b"}", "header"),
        ("NAME", b"\xff", "names are no text"),
        ("FFIL", struct.pack("<2I", 1, 4), "names what is not there"),
        ("TFRM", struct.pack("<3I", 1, 0, 2), "names what is not there"),
        ("YNAM", struct.pack("<I", 4), "names what is not there"),
        ("TDEP", struct.pack("<2I", 3, 0), "do not fit"),
        ("TDEP", struct.pack("<2I", 2, 2), "do not fit"),
        ("TSIZ", b"\0" * 8, "differ in length"),
        ("TSIZ", b"\0" * 9, "half a number"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(tag, content, why):
    assert why in refusal(file_of(**{tag: content}))


@pytest.mark.parametrize(
    "field",
    [
        {"time": float("nan")},
        {"time": 10**400},
        {"time": -1},
        {"pid": True},
        {"pid": 2**70},
        {"runs": -1},
        {"kind": ["before"]},
        {"scope": "half"},
        {"fingerprints": [1]},
        {"figures": {"blocks": 1.5}},
        {"test": None},
    ],
)
def test_a_header_that_says_nonsense_is_refused(field):
    header = json.dumps({**asdict(HEADER), **field}).encode()

    assert "header" in refusal(file_of(HEAD=header))


def with_names(packed_section: bytes) -> bytes:
    start = form.START.pack(form.MAGIC, form.VERSION)
    return summed(start + section(b"HEAD", json.dumps(asdict(HEADER)).encode()) + packed_section)


def test_memory_is_not_taken_for_what_a_section_only_claims():
    bomb = zlib.compress(bytes(64 << 20), 9)
    claims = section(b"NAME", b"", length=64 << 20, packed=bomb)
    lies = section(b"NAME", b"", length=10, packed=bomb)
    most = section(b"NAME", b"", length=2**64 - 1, packed=b"")
    longer = form.SECTION.pack(b"NAME", 1, 2**64 - 1)

    assert refusal(with_names(claims)) == "is damaged: a section claims 64 MiB"
    assert refusal(with_names(lies)) == "is damaged: a section is not as long as it claims"
    assert "claims" in refusal(with_names(most))
    assert refusal(with_names(longer)) == "is damaged: a section is missing"


def test_numbers_that_pack_too_well_are_written_without(tmp_path):
    number = 2_000_000
    tables = replace(
        TABLES,
        depths=array("I", [1]) * number,
        sizes=array("Q", [64]) * number,
        counts=array("Q", [1]) * number,
        frames=array("I", [0]) * number,
    )
    path = tmp_path / "a.leaksnap"
    write(path, replace(SNAPSHOT, tables=tables))

    assert read(path).tables == tables


def test_what_is_no_file_is_refused_at_once(tmp_path):
    with pytest.raises(UnusableSnapshotError, match="Is a directory"):
        read(tmp_path)
    with pytest.raises(UnusableSnapshotError, match="No such file"):
        read(tmp_path / "missing")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UnusableSnapshotError, match="is no file"):
            read(tmp_path / "pipe")
        assert not begins_as_ours(tmp_path / "pipe")
    if Path("/dev/zero").exists():
        with pytest.raises(UnusableSnapshotError, match="is no file"):
            read(Path("/dev/zero"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk")
def test_a_full_disk_is_an_error_of_the_system():
    with pytest.raises(OSError, match="No space left"):
        write(Path("/dev/full"), SNAPSHOT)
