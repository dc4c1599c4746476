"""How is a snapshot read? Whatever a file has, it is understood whole or refused.

Nothing is unpickled, and no length in a file is believed: memory is taken for what is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import zlib
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from pytest_leakguard.errors import UnusableSnapshotError
from pytest_leakguard.snapshots import form
from pytest_leakguard.snapshots.model import (
    COLUMNS,
    KINDS,
    SCOPES,
    Header,
    Snapshot,
    Tables,
    column,
)
from pytest_leakguard.units import format_size

_DAMAGED = "is damaged"
#: The end of the year 9999: later times cannot be written.
_LATEST = 253_402_300_799
_MOST_NUMBER = 1 << 63
_Refused = UnusableSnapshotError


def read(path: Path) -> Snapshot:
    """Read a snapshot.

    Args:
        path: Its file.

    Raises:
        UnusableSnapshotError: There is none, it is damaged, of a newer version or of anything else,
            or it does not fit into memory.
    """
    try:
        return decoded(path, _content(path))
    except OSError as error:
        raise _Refused(path, f"cannot be read ({error.strerror})") from None
    except MemoryError:
        raise _Refused(path, "does not fit into memory") from None


def begins_as_ours(path: Path) -> bool:
    """Tell whether a file begins as a snapshot does, of whatever version."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            return _is_file(file.fileno()) and file.read(len(form.MAGIC)) == form.MAGIC
    except OSError:
        return False


def _open_at_once(path: str, flags: int) -> int:
    # A pipe would be waited for.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _is_file(number: int) -> bool:
    return stat.S_ISREG(os.fstat(number).st_mode)


def _content(path: Path) -> bytes:
    with open(path, "rb", opener=_open_at_once) as file:
        if not _is_file(file.fileno()):
            raise _Refused(path, "is no file")
        start = file.read(form.START.size)
        _check_start(path, start)
        size = os.fstat(file.fileno()).st_size
        if size > form.MOST_FILE_BYTES:
            most = format_size(form.MOST_FILE_BYTES)
            raise _Refused(path, f"has {format_size(size)}, and at most {most} are read")
        return start + file.read(form.MOST_FILE_BYTES)


def _check_start(path: Path, content: bytes) -> None:
    """Refuse what is no snapshot, or one that only a newer release can read."""
    if not content:
        raise _Refused(path, "is empty")
    if content[: len(form.MAGIC)] != form.MAGIC:
        raise _Refused(path, "is no snapshot of pytest-leakguard")
    if len(content) < form.START.size:
        raise _Refused(path, f"{_DAMAGED}: it ends early")
    _, version = form.START.unpack(content[: form.START.size])
    if version > form.VERSION:
        raise _Refused(
            path,
            f"has version {version} of the format, and this release of pytest-leakguard reads"
            f" version {form.VERSION}: use a newer one, or the file is damaged",
        )
    if version != form.VERSION:
        raise _Refused(path, f"{_DAMAGED}: there is no version {version} of the format")


def decoded(path: Path, content: bytes) -> Snapshot:
    """Return the snapshot that a file's content has.

    Args:
        path: Names the file in errors.
        content: The whole of it.

    Raises:
        UnusableSnapshotError: It cannot be understood whole.
    """
    _check_start(path, content)
    end = len(content) - form.SUM_BYTES
    whole = memoryview(content)
    if end < form.START.size or hashlib.sha256(whole[:end]).digest() != whole[end:]:
        raise _Refused(path, f"{_DAMAGED} or cut short: its checksum does not fit")
    sections = _Sections(path, whole[form.START.size : end])
    header = _header(path, sections.next(form.HEADER_TAG, form.MOST_HEADER_BYTES))
    names = _names(path, sections.next(form.NAMES_TAG, form.MOST_NAMES_BYTES))
    columns: dict[str, array[int]] = {}
    for name, tag, code, like in COLUMNS:
        columns[name] = numbers = column(code)
        packed = sections.next(tag, form.MOST_BYTES)
        if len(packed) % numbers.itemsize:
            raise _Refused(path, f"{_DAMAGED}: a column has half a number")
        numbers.frombytes(packed)
        del packed
        if sys.byteorder == "big":
            numbers.byteswap()
        if like and len(numbers) != len(columns[like]):
            raise _Refused(path, f"{_DAMAGED}: columns differ in length")
    sections.end()
    tables = Tables(names=names, **columns)
    _check(path, tables)
    return Snapshot(header=header, tables=tables)


@final
class _Sections:
    """The sections of a file, in their order."""

    def __init__(self, path: Path, content: memoryview) -> None:
        self._path = path
        self._rest = content
        self._room = form.MOST_BYTES

    def next(self, tag: bytes, most: int) -> bytes:
        """Return what the next section has.

        Args:
            tag: Which one it has to be.
            most: How many bytes it may have.
        """
        if len(self._rest) < form.SECTION.size:
            raise _Refused(self._path, f"{_DAMAGED}: a section is missing")
        found, length, packed_length = form.SECTION.unpack(self._rest[: form.SECTION.size])
        packed = self._rest[form.SECTION.size : form.SECTION.size + packed_length]
        if found != tag or len(packed) != packed_length:
            raise _Refused(self._path, f"{_DAMAGED}: a section is missing")
        if length > min(most, self._room) or not form.is_in_proportion(length, packed_length):
            raise _Refused(self._path, f"{_DAMAGED}: a section claims {format_size(length)}")
        self._room -= length
        self._rest = self._rest[form.SECTION.size + packed_length :]
        unpacking = zlib.decompressobj()
        try:
            # One byte more than is claimed: 0 would mean without a limit.
            content = unpacking.decompress(packed, length + 1)
        except zlib.error:
            raise _Refused(self._path, f"{_DAMAGED}: a section cannot be unpacked") from None
        if len(content) != length or not unpacking.eof or unpacking.unused_data:
            raise _Refused(self._path, f"{_DAMAGED}: a section is not as long as it claims")
        return content

    def end(self) -> None:
        """Refuse what stands behind the last section."""
        if len(self._rest):
            raise _Refused(self._path, f"{_DAMAGED}: there is more than the sections")


def _names(path: Path, content: bytes) -> list[str]:
    if content.count(b"\0") >= form.MOST_NAMES:
        raise _Refused(path, f"{_DAMAGED}: more than {form.MOST_NAMES:,} names")
    try:
        return content.decode("utf-8", "surrogatepass").split("\0")
    except UnicodeDecodeError:
        raise _Refused(path, f"{_DAMAGED}: its names are no text") from None


def _check(path: Path, tables: Tables) -> None:
    """Refuse columns that name what is not there."""
    named = (
        (tables.frame_files, len(tables.names)),
        (tables.frames, len(tables.frame_files)),
        (tables.type_names, len(tables.names)),
    )
    if any(max(numbers, default=-1) >= most for numbers, most in named):
        raise _Refused(path, f"{_DAMAGED}: a column names what is not there")
    if min(tables.depths, default=1) < 1 or sum(tables.depths) != len(tables.frames):
        raise _Refused(path, f"{_DAMAGED}: its tracebacks do not fit its frames")


def _header(path: Path, content: bytes) -> Header:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        said = None
    fields = _fields(said) if isinstance(said, dict) else None
    if fields is None:
        raise _Refused(path, f"{_DAMAGED}: its header does not say what it should")
    return Header(**fields)


def _fields(said: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the header's fields, if each is what it has to be."""
    texts = ("python", "platform", "root", "library", "test", "worker", "pair")
    numbers = ("pid", "runs", "frame_limit")
    figures, prints, time = said.get("figures"), said.get("fingerprints"), said.get("time")
    sound = (
        all(isinstance(said.get(name), str) for name in texts)
        and all(_is_number(said.get(name)) for name in numbers)
        and said.get("kind") in KINDS
        and said.get("scope") in SCOPES
        and isinstance(time, (int, float))
        and 0 <= time <= _LATEST
        and isinstance(prints, list)
        and all(isinstance(one, str) for one in prints)
        and isinstance(figures, dict)
        and all(map(_is_number, figures.values()))
    )
    if not sound:
        return None
    names = (*texts, *numbers, "kind", "scope", "time", "figures")
    return {**{name: said[name] for name in names}, "fingerprints": tuple(prints or ())}


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_NUMBER
