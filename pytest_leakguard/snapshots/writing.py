"""How is a snapshot written?"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pytest_leakguard.errors import UnusableSnapshotError
from pytest_leakguard.files import replacing_bytes
from pytest_leakguard.snapshots import form
from pytest_leakguard.snapshots.model import COLUMNS, Snapshot
from pytest_leakguard.units import format_size

#: Level 1 takes a fifth of the time of level 6, for a file a third larger.
_LEVEL = 1


def write(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot into a file, whole or not at all.

    Args:
        path: The file.
        snapshot: What is written.

    Raises:
        OSError: It cannot be written.
        UnusableSnapshotError: It would be larger than what is read.
    """
    summed = hashlib.sha256()
    with replacing_bytes(path) as file:
        for part in encoded(path, snapshot):
            summed.update(part)
            file.write(part)
        file.write(summed.digest())


def encoded(path: Path, snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the file's content, but for the sum at its end.

    Args:
        path: Names the file in errors.
        snapshot: What is written.

    Raises:
        UnusableSnapshotError: It would be larger than what is read.
    """
    tables = snapshot.tables
    header = json.dumps(asdict(snapshot.header)).encode()
    names = "\0".join(name.replace("\0", "\\0") for name in tables.names)
    if len(tables.names) > form.MOST_NAMES:
        raise UnusableSnapshotError(path, f"it has more than {form.MOST_NAMES:,} names")
    columns = [(tag, getattr(tables, name)) for name, tag, _, _ in COLUMNS]
    unpacked = sum(len(numbers) * numbers.itemsize for _, numbers in columns)
    if unpacked > form.MOST_BYTES:
        raise UnusableSnapshotError(
            path,
            f"it has {format_size(unpacked)}, and {format_size(form.MOST_BYTES)} can be read:"
            " have tracemalloc keep fewer frames",
        )
    yield form.START.pack(form.MAGIC, form.VERSION)
    yield from _section(form.HEADER_TAG, header)
    yield from _section(form.NAMES_TAG, names.encode("utf-8", "surrogatepass"))
    for tag, numbers in columns:
        yield from _section(tag, _little_endian(numbers))


def _section(tag: bytes, content: bytes | memoryview) -> Iterator[bytes]:
    length = memoryview(content).nbytes
    packed = zlib.compress(content, _LEVEL)
    if not form.is_in_proportion(length, len(packed)):
        packed = zlib.compress(content, 0)
    yield form.SECTION.pack(tag, length, len(packed))
    yield packed


def _little_endian(numbers: array[int]) -> memoryview:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return memoryview(numbers)
