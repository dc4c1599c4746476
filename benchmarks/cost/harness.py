"""A pytest plugin for the benchmark's own processes: heap, repetition, and what each test took.

Configured by environment variables: ``COST_HEAP`` (objects, or ``fragmented``), ``COST_COUNTS``
(a JSON file with executions per test: repeat each test so often) and ``COST_OUT`` (where the
figures go).
"""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

BALLAST: list[object] = []
FREE_CHUNKS = 200_000


def _build_heap(size: str) -> None:
    if size == "fragmented":
        # Every second of many blocks above pymalloc's limit is freed: the rest keeps them apart.
        BALLAST.extend(bytes(600) for _ in range(2 * FREE_CHUNKS))
        del BALLAST[::2]
    else:
        BALLAST.extend([number] for number in range(int(size)))
    gc.collect()


class Harness:
    """Times each test's protocol, re-runs included, and counts full collections in first runs."""

    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts
        self._in_first_run = False
        self.seconds: dict[str, float] = {}
        self.full_collections = 0
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2 and self._in_first_run:
            self.full_collections += 1

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        begun = time.perf_counter()
        self._in_first_run = True
        try:
            return (yield)
        finally:
            for _ in range(self._counts.get(item.nodeid, 1) - 1):
                runtestprotocol(item, log=False, nextitem=item.parent)
            self.seconds[item.nodeid] = time.perf_counter() - begun

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None, Any, Any]:
        try:
            return (yield)
        finally:
            self._in_first_run = False

    def pytest_sessionfinish(self) -> None:
        figures = {"seconds": self.seconds, "full_collections": self.full_collections}
        Path(os.environ["COST_OUT"]).write_text(json.dumps(figures), encoding="utf-8")
        gc.callbacks.remove(self._collected)


def pytest_configure(config: pytest.Config) -> None:
    """Build the heap and start timing."""
    _build_heap(os.environ["COST_HEAP"])
    counts = os.environ.get("COST_COUNTS")
    known = json.loads(Path(counts).read_text(encoding="utf-8")) if counts else {}
    config.pluginmanager.register(Harness(known), "cost-harness")
