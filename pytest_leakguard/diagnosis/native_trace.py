"""What do some more runs allocate and never free, by the native code that asks for it?

memray tells. It sees what goes through the tables by which libraries call ``malloc``, not a pointer
to it that was looked up by name.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, final

from pytest_leakguard import settle
from pytest_leakguard.diagnosis.recording import (
    OBJECTS_SLOWDOWN,
    SLOWDOWN,
    UntraceableError,
    in_words,
    recording,
)
from pytest_leakguard.model import NativeFrame
from pytest_leakguard.runner import BrokenRunError, Trial

#: Runs of the first recording and of the second: a multiple of 2 and 3, as leaks on every, every
#: second and every third run need it.
RUNS = 6, 12
#: The same for tests too slow for these inside the time budget.
FEW_RUNS = 2, 4
#: The few runs may take so many times the budget: whoever asks for native code can wait for it.
_PATIENCE = 3
#: The heaviest records that are looked at.
_MAX_RECORDS = 1000
_MAX_FRAMES = 40
#: Runs Python code: what stands further out was not called by it.
_EVALUATES = "_PyEval_EvalFrame"
#: Libraries by which Python code calls native code without an extension.
_BRIDGE = re.compile(r"_ctypes\b|libffi\b")
_UNKNOWN = "<unknown>"

#: Number and bytes of what is alive, by the place that took it.
Alive = Mapping["Site", tuple[int, int]]


@final
@dataclass(frozen=True, slots=True)
class Site:
    """A place in the code that takes memory.

    Attributes:
        native: Native frames, innermost first, down to what Python code has called; empty when
            the interpreter itself takes it.
        lines: File and line of each Python frame, innermost first.
    """

    native: tuple[NativeFrame, ...]
    lines: tuple[tuple[str, int], ...]


@final
@dataclass(frozen=True, slots=True)
class Place:
    """What each run takes at a site and does not give back.

    Attributes:
        site: Where.
        number_per_run: Allocations; 0 when one block only gets larger.
        bytes_per_run: Their size, in bytes.
    """

    site: Site
    number_per_run: float
    bytes_per_run: float


class Record(Protocol):
    """Runs something and tells what of its memory is alive afterwards."""

    def __call__(self, run: Callable[[], None], *, python_objects: bool) -> Alive:
        """Record what ``run`` takes and does not give back.

        Args:
            run: What is recorded.
            python_objects: Also what Python's own allocators hand out, which is slow.

        Raises:
            UntraceableError: It cannot be recorded.
        """
        ...


def record(run: Callable[[], None], *, python_objects: bool) -> Alive:
    """Record with memray what ``run`` takes and does not give back."""
    with tempfile.TemporaryDirectory(prefix="leakguard-") as directory:
        path = os.path.join(directory, "memray.bin")
        with recording(path, native=True, python_objects=python_objects):
            run()
        import memray

        with closing(memray.FileReader(path)) as reader:
            return _read(reader, _Libraries(path))


def trace(trial: Trial, *, python_objects: bool, record: Record = record) -> list[Place]:
    """Run under memray, twice, and return what each run leaves once more, the largest first.

    Args:
        trial: The convicted test's runs.
        python_objects: Also what Python's own allocators hand out, which is slow.
        record: Records the runs.

    Raises:
        UntraceableError: The runs cannot be recorded, or are too slow for it.
    """
    runs = _plan(trial, OBJECTS_SLOWDOWN if python_objects else SLOWDOWN)
    try:
        first, second = [
            record(lambda times=times: _run(trial, times), python_objects=python_objects)  # type: ignore[misc]  # called at once
            for times in runs
        ]
    except BrokenRunError as broken:
        raise UntraceableError(in_words(f"a run under memray does not pass: {broken}")) from None
    return steady(first, second, runs)


def steady(first: Alive, second: Alive, runs: tuple[int, int]) -> list[Place]:
    """Return what is alive in proportion to the runs, the largest first.

    What a cache holds, or what the last run alone has left, is as much after few runs as after
    many.

    Args:
        first: What is alive after the first recording.
        second: The same after the second.
        runs: How many runs each has seen.
    """
    few, many = runs
    places = []
    for site, (number, size) in second.items():
        number_before, size_before = first.get(site, (0, 0))
        if number * few == number_before * many:
            places.append(Place(site, number / many, size / many))
        elif number == number_before and size > size_before:
            # A block that was resized is recorded anew, whole: it has grown since the first.
            places.append(Place(site, 0, (size - size_before) / many))
    return sorted(places, key=lambda place: -place.bytes_per_run)


def _plan(trial: Trial, slowdown: int) -> tuple[int, int]:
    seconds, budget = trial.run_seconds * slowdown, trial.settings.confirm
    for runs, allowed in ((RUNS, budget), (FEW_RUNS, budget * _PATIENCE)):
        if seconds * sum(runs) <= allowed:
            return runs
    raise UntraceableError("its runs are too slow for memray; a longer --leak-confirm allows it")


def _run(trial: Trial, times: int) -> None:
    for _ in range(times):
        trial.run()
    settle.deeply(trial.heap)


def _read(reader: Any, libraries: _Libraries) -> Alive:  # what memray returns
    records = sorted(
        reader.get_leaked_allocation_records(merge_threads=True),
        key=lambda record: -record.size,
    )
    alive: dict[Site, tuple[int, int]] = {}
    for one in records[:_MAX_RECORDS]:
        lines = tuple((file, line) for _, file, line in one.stack_trace())
        site = Site(_called(list(_native_frames(one, libraries)), libraries), lines)
        number, size = alive.get(site, (0, 0))
        alive[site] = number + one.n_allocations, size + one.size
    return alive


def _native_frames(record: Any, libraries: _Libraries) -> Iterator[NativeFrame]:
    """Return the native frames of a record as far out as to the code that runs Python code."""
    told = 0
    for depth, library in enumerate(libraries.of_stack(record.native_stack_id), start=1):
        # An address can stand for several frames: for functions that were inlined.
        frames = record.native_stack_trace(max_stacks=depth)[told:]
        told += len(frames)
        for function, file, line in frames:
            if function.startswith(_EVALUATES):
                return
            yield NativeFrame(
                function="" if function == _UNKNOWN else function,
                file="" if file == _UNKNOWN else file,
                line=line,
                library=library,
            )


def _called(frames: Sequence[NativeFrame], libraries: _Libraries) -> tuple[NativeFrame, ...]:
    """Leave out by which ways the interpreter has called the outermost frame."""
    kept = len(frames)
    while kept and libraries.is_way_in(frames[kept - 1].library):
        kept -= 1
    return tuple(frame for frame, _ in groupby(frames[:kept]))


class _DlInfo(ctypes.Structure):
    """What ``dladdr`` tells of an address (dlfcn.h)."""

    _fields_ = (
        ("dli_fname", ctypes.c_char_p),
        ("dli_fbase", ctypes.c_void_p),
        ("dli_sname", ctypes.c_char_p),
        ("dli_saddr", ctypes.c_void_p),
    )


class _Libraries:
    """Shared objects of the native frames in a capture file.

    memray reads them and does not tell. Its dump has the addresses, whose libraries are still
    loaded; where the dump is not as expected, they stay unknown.
    """

    _DUMP = """
import sys

path, *sys.path = sys.argv[1:]

import memray

memray.dump_all_records(path)
"""
    _FRAME = re.compile(rb"(?m)^NATIVE_(?:TRACE_INDEX|FRAME_ID) .*\bip=(0x[0-9a-f]+) index=(\d+)$")

    def __init__(self, path: str) -> None:
        self._dladdr: Any = ctypes.CDLL(None).dladdr
        self._dladdr.argtypes = [ctypes.c_void_p, ctypes.POINTER(_DlInfo)]
        self._known: dict[int, str] = {}
        here = ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value
        self._interpreter = self._of(here or 0)
        command = [sys.executable, "-c", self._DUMP, path, *sys.path]
        dumped = subprocess.run(  # noqa: S603  # ourselves, with a path of our own
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).stdout
        self._frames = [
            (int(address, 16), int(parent)) for address, parent in self._FRAME.findall(dumped)
        ]

    def of_stack(self, stack: int) -> Iterator[str]:
        """Return the library of each address of a native stack, the innermost first."""
        for _ in range(_MAX_FRAMES):
            if stack == 0:
                return
            if stack > len(self._frames):
                yield ""
                continue
            address, stack = self._frames[stack - 1]
            yield self._of(address)

    def is_way_in(self, library: str) -> bool:
        """Tell whether a library is one by which Python code calls native code."""
        return library != "" and (
            library == self._interpreter or _BRIDGE.match(os.path.basename(library)) is not None
        )

    def _of(self, address: int) -> str:
        if address not in self._known:
            found = _DlInfo()
            told = self._dladdr(address, ctypes.byref(found))
            self._known[address] = os.fsdecode(found.dli_fname or b"") if told else ""
        return self._known[address]
