"""What does a snapshot consist of? Where it comes from, and columns of numbers with their names."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, final

#: ``before`` and ``after`` are a pair with runs of one test between them.
Kind = Literal["before", "after", "moment"]
KINDS: tuple[Kind, ...] = ("before", "after", "moment")
#: Which objects the type table counts: all that the collector tracks, or those that are new.
Scope = Literal["all", "new", "not frozen"]
SCOPES: tuple[Scope, ...] = ("all", "new", "not frozen")

#: Each column with its tag in the file, the type code of its array, and the column that it is as
#: long as; those without one have a length of their own.
COLUMNS: tuple[tuple[str, bytes, str, str], ...] = (
    ("frame_files", b"FFIL", "I", ""),
    ("frame_lines", b"FLIN", "I", "frame_files"),
    ("depths", b"TDEP", "I", ""),
    ("sizes", b"TSIZ", "Q", "depths"),
    ("counts", b"TCNT", "Q", "depths"),
    ("frames", b"TFRM", "I", ""),
    ("type_names", b"YNAM", "I", ""),
    ("type_counts", b"YCNT", "Q", "type_names"),
    ("type_sizes", b"YSIZ", "Q", "type_names"),
)


def column(code: str) -> array[int]:
    """Return an empty column of numbers: ``I`` of 32 bits, ``Q`` of 64, without a sign."""
    return array(code)


def _of_32_bits() -> array[int]:
    return column("I")


def _of_64_bits() -> array[int]:
    return column("Q")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where a snapshot comes from.

    Attributes:
        kind: Whether it is one of a pair.
        time: When it was taken, in seconds since 1970 (UTC).
        pid: The process.
        python: Version of its interpreter, such as ``3.13.1``.
        platform: The operating system in words.
        root: Directory that file names are shown relative to.
        library: Directory of the standard library.
        test: The test's node id; empty when none ran.
        worker: Name of the process among those of pytest-xdist; empty without it.
        pair: What both of a pair have in common; empty for a moment.
        runs: Runs between the two of a pair; 0 for a moment.
        fingerprints: Those of the findings that a pair belongs to.
        frame_limit: How many frames of each allocation tracemalloc kept; 0 when it did not trace.
        scope: Which objects the type table counts.
        figures: What was counted, by name; of bytes where the name ends so.
    """

    kind: Kind
    time: float
    pid: int
    python: str
    platform: str
    root: str
    library: str
    test: str = ""
    worker: str = ""
    pair: str = ""
    runs: int = 0
    fingerprints: tuple[str, ...] = ()
    frame_limit: int = 0
    scope: Scope = "all"
    figures: Mapping[str, int] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What was in use, as columns; each number that names something is a place in another one.

    Attributes:
        names: Files and types; the first name is empty.
        frame_files: The file of each frame, as a place in the names.
        frame_lines: Its line.
        depths: How many frames each traceback has, at least 1.
        sizes: The bytes in use that were allocated there.
        counts: The same in blocks.
        frames: The frames of all tracebacks one after the other, each innermost first.
        type_names: Each type, as a place in the names.
        type_counts: How many objects of it there are.
        type_sizes: Their bytes, without what they refer to.
    """

    names: list[str]
    frame_files: array[int] = field(default_factory=_of_32_bits)
    frame_lines: array[int] = field(default_factory=_of_32_bits)
    depths: array[int] = field(default_factory=_of_32_bits)
    sizes: array[int] = field(default_factory=_of_64_bits)
    counts: array[int] = field(default_factory=_of_64_bits)
    frames: array[int] = field(default_factory=_of_32_bits)
    type_names: array[int] = field(default_factory=_of_32_bits)
    type_counts: array[int] = field(default_factory=_of_64_bits)
    type_sizes: array[int] = field(default_factory=_of_64_bits)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot: where it comes from, and what it shows."""

    header: Header
    tables: Tables
