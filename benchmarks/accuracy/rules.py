"""What do the simple rules say that people use? Measure as they do, and apply thresholds.

As a pytest plugin (``-p benchmarks.accuracy.rules``) this warms each test up once, runs it 10 and
50 times more, and records how four figures have changed since the warm-up:

* ``resident``: bytes of resident memory, with ``psutil``;
* ``types``: how many types ``objgraph.growth()`` lists;
* ``traced``: bytes, with ``tracemalloc.get_traced_memory()``;
* ``own``: bytes in the difference of two tracemalloc snapshots, filtered to the tests' own files.

A test without fixtures is called like any function: that spares the rules what pytest itself keeps
from run to run. Any other is run again whole, since its leak may be in its set-up. Everything is
collected before each reading, and each path was taken once before: an empty test reads 0.

Configured by environment variables: ``ACCURACY_RULES`` (``untraced`` for the first two figures,
``traced`` for the others) and ``ACCURACY_OUT`` (where the figures go).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import tracemalloc
import unittest
from array import array
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import objgraph
import psutil
import pytest
from _pytest.runner import runtestprotocol

#: Runs beyond the warm-up after which the figures are read.
CHECKPOINTS = (10, 50)
TIME_LIMIT_SECONDS = 10.0
FIGURES = {"untraced": ("resident", "types"), "traced": ("traced", "own")}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A figure, and what it may grow by.

    Attributes:
        name: As tables have it.
        figure: One of those that are measured.
        allowed: What it may have grown by in all, in bytes or types.
        shown: Whether tables by size, frequency or family show it as well.
    """

    name: str
    figure: str
    allowed: int
    shown: bool = False

    def accuses(self, figures: Mapping[str, Sequence[int]], checkpoint: int) -> bool:
        """Tell whether it says that a test leaks; a test that could not be measured does not."""
        if self.figure not in figures:
            return False
        return figures[self.figure][CHECKPOINTS.index(checkpoint)] > self.allowed


RULES = (
    Rule(name="resident memory grew", figure="resident", allowed=0),
    Rule(name="resident memory grew by more than 1 MiB", figure="resident", allowed=2**20),
    Rule(name="traced bytes grew", figure="traced", allowed=0, shown=True),
    Rule(name="traced bytes grew by more than 1 KiB", figure="traced", allowed=2**10),
    Rule(name="traced bytes grew by more than 64 KiB", figure="traced", allowed=2**16),
    Rule(name="`objgraph.growth()` lists a type", figure="types", allowed=0, shown=True),
    Rule(name="own files' snapshot difference is positive", figure="own", allowed=0, shown=True),
    Rule(name="own files' snapshot difference exceeds 1 KiB", figure="own", allowed=2**10),
)


class _Untraced:
    def __init__(self, root: Path) -> None:
        self._process = psutil.Process()
        self._peaks: list[dict[str, int]] = [{} for _ in CHECKPOINTS]
        self._resident = array("q", [0])

    def begin(self) -> None:
        for peaks in self._peaks:
            peaks.clear()
            objgraph.growth(peak_stats=peaks)
        self._resident[0] = self._process.memory_info().rss

    def read(self, checkpoint: int) -> tuple[int, int]:
        resident = self._process.memory_info().rss - self._resident[0]
        return resident, len(objgraph.growth(peak_stats=self._peaks[checkpoint]))


class _Traced:
    def __init__(self, root: Path) -> None:
        self._filters = [tracemalloc.Filter(inclusive=True, filename_pattern=f"{root}/*")]
        self._snapshot: tracemalloc.Snapshot | None = None
        self._traced = array("q", [0])
        tracemalloc.start()

    def begin(self) -> None:
        self._snapshot = tracemalloc.take_snapshot().filter_traces(self._filters)
        gc.collect()
        self._traced[0] = tracemalloc.get_traced_memory()[0]

    def read(self, checkpoint: int) -> tuple[int, int]:
        del checkpoint
        if self._snapshot is None or not tracemalloc.is_tracing():
            raise RuntimeError("the test has stopped tracing")
        traced = tracemalloc.get_traced_memory()[0] - self._traced[0]
        after = tracemalloc.take_snapshot().filter_traces(self._filters)
        own = sum(one.size_diff for one in after.compare_to(self._snapshot, "lineno"))
        return traced, own


class Rules:
    """Measures each test after it has passed once.

    Args:
        kind: Which figures are measured: a key of ``FIGURES``.
        root: Where the tests' own files are.
        out: The file that the figures are written to.
    """

    def __init__(self, kind: str, root: Path, out: Path) -> None:
        self._names = FIGURES[kind]
        self._measured = _Traced(root) if kind == "traced" else _Untraced(root)
        self._out = out
        self._passed = True
        self._grown = array("q", bytes(8 * len(CHECKPOINTS) * len(self._names)))
        self._deadline = array("d", [0.0])
        self.figures: dict[str, dict[str, list[int]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._passed &= report.outcome == "passed"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._passed = True
        handled = yield
        if self._passed:
            try:
                again = _again(item)
                if again is not getattr(item, "obj", None):
                    again()  # the first of its kind: the user's run went another way
                self.figures[item.nodeid] = self._measure(again)
            except Exception as error:
                print(f"{item.nodeid} cannot be measured: {error}", file=sys.stderr)
        return handled

    def _measure(self, run: Callable[[], object]) -> dict[str, list[int]]:
        if not self.figures:
            self._read_all(_nothing, 0.0)  # each path is taken once before it counts
        self._read_all(run, TIME_LIMIT_SECONDS)
        grown = self._grown
        return {name: list(grown[place::2]) for place, name in enumerate(self._names)}

    def pytest_unconfigure(self) -> None:
        self._out.write_text(json.dumps(self.figures), encoding="utf-8")
        sys.stdout.flush()
        os._exit(0)  # what leaks may keep the process alive

    def _read_all(self, run: Callable[[], object], seconds: float) -> None:
        """Read before and after the runs; written out, since a loop is an object, too."""
        self._deadline[0] = time.monotonic() + seconds
        gc.collect()
        self._measured.begin()
        self._repeat(run, CHECKPOINTS[0])
        self._keep(0)
        self._repeat(run, CHECKPOINTS[1] - CHECKPOINTS[0])
        self._keep(1)

    def _repeat(self, run: Callable[[], object], times: int) -> None:
        for _ in range(times):
            run()
            if time.monotonic() > self._deadline[0]:
                break
        gc.collect()

    def _keep(self, checkpoint: int) -> None:
        first, second = self._measured.read(checkpoint)
        self._grown[2 * checkpoint], self._grown[2 * checkpoint + 1] = first, second


def _nothing() -> None:
    """Do nothing."""


def _again(item: pytest.Item) -> Callable[[], object]:
    if isinstance(item, pytest.Function) and not (
        item.fixturenames or isinstance(item.instance, unittest.TestCase)
    ):
        function: Callable[[], object] = item.obj
        return function
    wider: Any = item.parent  # whose fixtures stay; pytest asks it for no more than its parents

    def whole() -> None:
        reports = runtestprotocol(item, log=False, nextitem=wider)
        if not all(report.passed for report in reports):
            raise RuntimeError("the test fails when it is run again")

    return whole


def pytest_configure(config: pytest.Config) -> None:
    """Start measuring."""
    kind, out = os.environ["ACCURACY_RULES"], Path(os.environ["ACCURACY_OUT"])
    config.pluginmanager.register(Rules(kind, config.rootpath, out), "accuracy-rules")
