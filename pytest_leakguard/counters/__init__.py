"""What can be counted, and how many is it now? One file per thing counted.

A counter is exact and cheap: reading it twice with nothing in between gives the same number, and
leaves nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pytest_leakguard.counters import (
    blocks,
    children,
    descriptors,
    gc_objects,
    mapped,
    native,
    reserves,
    tasks,
    temp_files,
    threads,
)


class Counter(Protocol):
    """One thing that can be counted.

    Attributes:
        name: The counter's name in options and reports.
        noun: What one unit is called, in the singular.
    """

    name: str
    noun: str

    def read(self) -> int:
        """Return how many there are now."""
        ...


_KINDS = (
    gc_objects.GcObjects,
    blocks.Blocks,
    native.NativeBytes,
    mapped.MappedBytes,
    descriptors.Descriptors,
    threads.Threads,
    tasks.Tasks,
    children.Children,
    temp_files.TempFiles,
)


def available(track: tuple[str, ...] | None = None) -> tuple[Counter, ...]:
    """Return the counters that read something here.

    Args:
        track: Names to restrict the choice to; ``None`` for all.
    """
    found: list[Counter] = []
    for kind in _KINDS:
        counter = kind()
        if (track is None or counter.name in track) and kind.works():
            found.append(counter)
    return tuple(found)


@contextmanager
def noting(kept_files: re.Pattern[str] | None = None) -> Iterator[None]:
    """Note inside which files are made, and what of them comes into the environment.

    Args:
        kept_files: Is found in paths that somebody else clears away: a test runner's.
    """
    with temp_files.noting(kept_files), native.noting_environment():
        yield


def consolidate_native() -> None:
    """Bring the native heap to rest, so that freed memory is not counted as used."""
    native.consolidate()


def note_reserves() -> None:
    """Note what the allocators hold ready, so that it is not counted; leaves garbage."""
    reserves.note()


def missing(track: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return the names of the counters that were asked for and read nothing here."""
    return tuple(
        kind.name for kind in _KINDS if (track is None or kind.name in track) and not kind.works()
    )
