"""What was still there when each test was over, and which tests and files kept most?

The counters also see what pytest keeps of each test: its reports, its notes. That is much the same
for the tests of a session, so that the typical amount, their median, is taken off. Garbage in
cycles counts until it is collected: what a stretch of tests loses again is taken off those that had
most in it.
"""

from __future__ import annotations

from array import array
from statistics import median
from typing import final

from pytest_leakguard.monitor.leading import Leading
from pytest_leakguard.monitored import Retained

#: Tests of a stretch, over which gains and losses are set off against each other.
STRETCH = 256
#: Tests and files that are named at most, and files that are remembered.
_MOST_NAMED, _MOST_FILES = 20, 5_000
_KINDS = ("items", "blocks", "native_bytes", "fds", "threads")


@final
class Tally:
    """Sums up what tests retain, in bounded memory."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._files: list[str] = []
        self._columns = {kind: array("q") for kind in _KINDS}
        self._by_items, self._by_weight = Leading(_MOST_NAMED), Leading(_MOST_NAMED)
        self._known: dict[str, tuple[int, ...]] = {}
        self._of_files: dict[str, array[int]] = {}

    def add(self, name: str, file: str, values: tuple[int, ...]) -> None:
        """Add a test.

        Args:
            name: Its node id.
            file: Its file.
            values: Items, blocks, bytes on the native heap, descriptors and threads that were there
                afterwards and not before.
        """
        self._names.append(name)
        self._files.append(file)
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)
        if len(self._names) >= STRETCH:
            self._settle()

    def _settle(self) -> None:
        """Set gains and losses off, and keep those that have most."""
        kept = {
            "items": self._columns["items"],
            "blocks": _kept(self._columns["blocks"], typical=True),
            "native_bytes": _kept(self._columns["native_bytes"], typical=True),
            "fds": _kept(self._columns["fds"], typical=False),
            "threads": _kept(self._columns["threads"], typical=False),
        }
        for position, (name, file) in enumerate(zip(self._names, self._files, strict=True)):
            values = tuple(kept[kind][position] for kind in _KINDS)
            if not any(values):
                self._add_to_file(file, values)
                continue
            items, blocks, native_bytes, fds, threads = values
            self._by_items.offer(items + fds + threads, name)
            self._by_weight.offer(native_bytes + blocks * _BLOCK_BYTES, name)
            self._known[name] = values
            self._add_to_file(file, values)
        self._forget()
        self._names.clear()
        self._files.clear()
        for column in self._columns.values():
            del column[:]

    def _add_to_file(self, file: str, values: tuple[int, ...]) -> None:
        sums = self._of_files.get(file)
        if sums is None:
            if len(self._of_files) >= _MOST_FILES:
                return
            sums = self._of_files[file] = array("q", bytes(8 * (len(_KINDS) + 1)))
        sums[0] += 1
        for position, value in enumerate(values, 1):
            sums[position] += value

    def _forget(self) -> None:
        """Remember no more than the tests that have most."""
        leading = {name for lead in (self._by_items, self._by_weight) for _, name in lead.all()}
        self._known = {name: self._known[name] for name in leading if name in self._known}

    def tests(self) -> tuple[Retained, ...]:
        """Return the tests that retained most, the first ones by items, descriptors and threads."""
        self._settle()
        named = [
            Retained(name=name, **dict(zip(_KINDS, values, strict=True)))
            for name, values in self._known.items()
        ]
        return tuple(sorted(named, key=_weight, reverse=True)[:_MOST_NAMED])

    def files(self) -> tuple[Retained, ...]:
        """Return the files whose tests retained most."""
        self._settle()
        named = [
            Retained(name=file, tests=sums[0], **dict(zip(_KINDS, sums[1:], strict=True)))
            for file, sums in self._of_files.items()
            if any(value > 0 for value in sums[1:])
        ]
        return tuple(sorted(named, key=_weight, reverse=True)[:_MOST_NAMED])


#: What a block of Python's allocator weighs about, in bytes, where it is set against native memory.
_BLOCK_BYTES = 64


def _weight(one: Retained) -> tuple[int, int, str]:
    return (
        one.items + one.fds + one.threads,
        one.native_bytes + one.blocks * _BLOCK_BYTES,
        one.name,
    )


def _kept(values: array[int], *, typical: bool) -> list[int]:
    """Return what is left of gains once losses and what is typical are taken off."""
    if not values:
        return []
    base = int(median(values)) if typical else 0
    beyond = [value - base for value in values]
    gained = sum(value for value in beyond if value > 0)
    net = sum(beyond)
    if net <= 0:
        return [0] * len(beyond)
    return [round(value * net / gained) if value > 0 else 0 for value in beyond]
