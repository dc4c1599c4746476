"""Of what is the address space of this process made, and how much of it is in memory?"""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from pytest_leakguard.counters.footprint import REFUSALS
from pytest_leakguard.memory_table import Mapped

_KINDS = {"[heap]": "heap", "[stack]": "stack", "[anon]": "anonymous"}
#: Files that are memory: ``mmap`` without a file that forks share, and shared memory.
_SHARED = ("/dev/zero", "/dev/shm/", "/memfd:", "/SYSV")  # noqa: S108  # nothing is opened


def read_maps() -> tuple[tuple[Mapped, ...], tuple[Mapped, ...]]:
    """Return the address space by kind, and that of files by path; both empty if unknown.

    The largest resident part comes first.
    """
    try:
        found = psutil.Process().memory_maps(grouped=False)
    except REFUSALS:  # macOS has none
        return (), ()
    kinds: dict[str, list[int]] = {}
    files: dict[str, list[int]] = {}
    for one in found:
        size, resident = int(getattr(one, "size", one.rss)), int(one.rss)
        kind = _kind_of(one.path)
        _add(kinds, kind, size, resident)
        if kind == "files":
            _add(files, one.path, size, resident)
    return _ordered(kinds), _ordered(files)


def _kind_of(path: str) -> str:
    if (kind := _KINDS.get(path)) is not None:
        return kind
    if path.startswith("[anon"):  # with a name of its own, such as [anon:scudo]
        return "anonymous"
    if path.startswith(_SHARED):
        return "shared"
    return "other" if path.startswith("[") else "files"


def _add(groups: dict[str, list[int]], name: str, size: int, resident: int) -> None:
    total = groups.setdefault(name, [0, 0, 0])
    for place, value in enumerate((1, size, resident)):
        total[place] += value


def _ordered(groups: dict[str, list[int]]) -> tuple[Mapped, ...]:
    mapped: Iterable[Mapped] = (
        Mapped(name=name, number=number, size_bytes=size, resident_bytes=resident)
        for name, (number, size, resident) in groups.items()
    )
    return tuple(sorted(mapped, key=lambda one: (-one.resident_bytes, -one.size_bytes, one.name)))
