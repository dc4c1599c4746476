"""Who holds what one pass through a block has made? No runs to compare: everything alive counts."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import CodeType
from typing import final

from pytest_leakguard import settle
from pytest_leakguard.diagnosis import census, traces, walk
from pytest_leakguard.diagnosis.accumulation import Accumulation
from pytest_leakguard.diagnosis.census import Births
from pytest_leakguard.diagnosis.findings import Runs, held_finding
from pytest_leakguard.diagnosis.naming import type_name
from pytest_leakguard.diagnosis.pace import FRAMES
from pytest_leakguard.diagnosis.roots import Root, Roots
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.heap import Heap
from pytest_leakguard.identity import identity_of
from pytest_leakguard.model import Finding
from pytest_leakguard.runner import tracing


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was made and is still reachable.

    Attributes:
        types: Objects that the collector tracks, by type.
        size_bytes: Their weight with what only they refer to, in bytes.
        findings: Their holders, the heaviest first.
    """

    types: Mapping[str, int]
    size_bytes: int
    findings: tuple[Finding, ...]


@final
class Single:
    """Traces one pass through a block.

    Args:
        extra_roots: Named places where holders may live.
        code: The code that the block stands in.
    """

    def __init__(self, extra_roots: Callable[[], Mapping[str, object]], code: CodeType) -> None:
        self._file = code.co_filename
        self._roots = Roots(extra_roots)
        self._named: list[Root] = []
        self._stack = ExitStack()
        self._reached = walk.Reached(())
        self._births = Births()
        self._sources = Sources()

    def begin(self) -> None:
        """Note what there is; from here on, what is made is new."""
        with ExitStack() as stack:
            self._heap = stack.enter_context(Heap())
            # Twice: what bringing to rest has left behind itself is replaced, and not added to.
            settle.deeply(self._heap)
            settle.deeply(self._heap)
            self._named = self._roots.all()
            self._reached = walk.Reached(self._named)
            self._births = Births(self._reached.untracked)
            stack.enter_context(self._roots.recording())
            stack.enter_context(tracing(FRAMES))
            self._stack = stack.pop_all()
        self._heap.refreeze()
        settle.fill_free_lists()
        self._births.before_run()

    def end(self) -> None:
        """Trace no more, and leave the heap as it was."""
        self._stack.close()

    def look(self) -> Seen:
        """Collect all garbage, and tell what is left."""
        settle.deeply(self._heap)
        self._heap.collect()
        self._births.after_run(1)
        alive = [obj for obj in self._births.alive() if not self._is_ours(obj)]
        self._births.keep(alive)
        self._roots.refresh()
        held = census.take(self._reached.holders(self._births.runs.keys()), self._births)
        runs = Runs(between=1, last=1, births=self._births, sources=self._sources)
        accumulations = [
            accumulation
            for one in held.values()
            if not all(map(self._is_ours, one.kids))
            and not (accumulation := Accumulation(one)).is_byproduct()
        ]
        findings = [
            replace(held_finding(one, self._named[one.held.entry.root], runs), note="")
            for one in accumulations
        ]
        findings.sort(key=lambda finding: -finding.bytes_per_run)
        reached = {identity_of(obj) for one in accumulations for obj in one.held.everything}
        loose_bytes = sum(census.weigh(obj) for obj in alive if identity_of(obj) not in reached)
        return Seen(
            types=Counter(map(type_name, alive)),
            size_bytes=loose_bytes + sum(one.size_bytes for one in accumulations),
            findings=tuple(findings),
        )

    def _is_ours(self, obj: object) -> bool:
        """Tell whether an object was made by what looks, and not by the block.

        Or is older than it seems: the collector tracks a dictionary from its first item on, and
        never those of plain values, such as modules written in C have where no walk gets.
        """
        lines = traces.traceback_of(obj)
        if lines is None:
            return not gc.is_tracked(obj) or identity_of(obj) in self._reached.untracked
        for file, _ in lines:
            if file == self._file:
                return False
            if file.startswith(traces.PACKAGE):
                return True
        return False
