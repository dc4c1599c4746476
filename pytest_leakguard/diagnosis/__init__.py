"""Who holds what leaked, where was it allocated, and what made the holder grow?"""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_leakguard import settle
from pytest_leakguard.clock import now
from pytest_leakguard.counters import descriptors
from pytest_leakguard.diagnosis import census, naming, paths, traces, walk
from pytest_leakguard.diagnosis.capacity import known_capacity
from pytest_leakguard.diagnosis.census import Births, Held
from pytest_leakguard.diagnosis.fingerprint import fingerprint
from pytest_leakguard.diagnosis.growth import find_growing_lines
from pytest_leakguard.diagnosis.roots import Root, Roots, is_library
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.model import Finding, Frame, Share, Step
from pytest_leakguard.runner import Trial, tracing

#: Frames kept per allocation: the test's own line is rarely farther from the allocating one.
FRAMES = 25
#: Runs before the first census and between the two. Six runs are a whole number of periods for
#: leaks on every, every second and every third run; three runs show one of each before.
FIRST_RUNS, BETWEEN_RUNS = 3, 6
#: The same for tests too slow for these inside the time budget.
FEW_FIRST_RUNS, FEW_BETWEEN_RUNS = 1, 2
#: How much slower code was seen to run under tracemalloc with many frames, and watched by line.
SLOWDOWN, WATCH_SLOWDOWN = 15, 30
#: A diagnosis that would take longer than so many times the budget, even with few runs, is left.
LEAST_PATIENCE = 3
MAX_FINDINGS = 10
_ADVICE = (
    "let the holder drop what a run adds when the run ends (remove it on teardown), bound the"
    " holder, or let it refer weakly"
)
_NOWHERE = "no named holder"
#: Counters of what may grow without a Python object, and what a finding calls it.
_UNSEEN = {
    "threads": "thread",
    "native_bytes": "native memory",
    "mapped_bytes": "mapped memory",
}
#: Holders of the interpreter's own, that grow by what a test feeds them.
_ADVICE_FOR = {
    "sys.path_importer_cache": (
        "the interpreter remembers each directory that it looked for modules in: reuse one"
        " directory, or drop the entry on teardown"
    ),
    "zipimport._zip_directory_cache": (
        "the interpreter remembers each archive that it looked for modules in: call"
        " importlib.invalidate_caches() and drop the entry on teardown"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The causes found, and what the traced runs showed beside them.

    Attributes:
        findings: Causes, the heaviest first.
        traced_bytes_per_run: Growth of traced memory; ``None`` when the test stops tracing.
    """

    findings: tuple[Finding, ...]
    traced_bytes_per_run: float | None


def explain(
    trial: Trial, roots: Roots, growth: Mapping[str, float | None], sources: Sources
) -> Diagnosis:
    """Run the test some more times under tracemalloc and find out who holds what.

    Args:
        trial: The convicted test's runs.
        roots: Where holders are looked for.
        growth: Growth per run by counter, as confirmed; tells what still needs a cause.
        sources: Names the lines; kept from one diagnosis to the next.

    Raises:
        BrokenRunError: A run did not pass.
    """
    settle.deeply(trial.heap)
    named = roots.all()
    reached = walk.Reached(named)
    trial.heap.refreeze()
    opened = descriptors.describe_open()
    slow = trial.run_seconds * SLOWDOWN * (FIRST_RUNS + BETWEEN_RUNS) > trial.settings.confirm
    runs = (FEW_FIRST_RUNS, FEW_BETWEEN_RUNS) if slow else (FIRST_RUNS, BETWEEN_RUNS)
    with tracing(FRAMES):
        diagnosing = _Diagnosing(trial, roots, named, sources, runs)
        findings = diagnosing.find(reached)
        traced = diagnosing.traced_bytes_per_run
        findings += _resources(growth, opened, sum(runs), findings)
    return Diagnosis(findings=tuple(findings[:MAX_FINDINGS]), traced_bytes_per_run=traced)


class _Diagnosing:
    """One diagnosis: its two censuses, and the findings made of their difference."""

    def __init__(
        self,
        trial: Trial,
        roots: Roots,
        named: Sequence[Root],
        sources: Sources,
        runs: tuple[int, int],
    ) -> None:
        self._trial = trial
        self._roots = roots
        self._named = named
        self._first, self._between = runs
        self._births = Births()
        self._sources = sources
        self.traced_bytes_per_run: float | None = None

    def find(self, reached: walk.Reached) -> list[Finding]:
        begun = now()
        self._run(1, 1)
        seconds = now() - begun
        budget = self._trial.settings.confirm
        if seconds * (self._first + self._between) > budget:
            self._first, self._between = FEW_FIRST_RUNS, FEW_BETWEEN_RUNS
        if seconds * (self._first + self._between) > LEAST_PATIENCE * budget:
            return []
        self._run(2, self._first)
        lines = [traces.sizes_by_line()]
        self._roots.refresh()
        entries = reached.holders(self._births.runs.keys())
        tallies = [self._tallies(entries)]
        loose = [self._unreached(entries)]
        half = self._first + self._between // 2
        self._run(self._first + 1, half)
        lines.append(traces.sizes_by_line())
        tallies.append(self._tallies(entries))
        loose.append(self._unreached(entries))
        self._run(half + 1, self._first + self._between)
        if tracemalloc.is_tracing():
            lines.append(traces.sizes_by_line())
            self.traced_bytes_per_run = traces.steady_growth(lines) / self._between
        self._roots.refresh()
        last = census.take(entries, self._births)
        leaking = [
            growth
            for key, held in census.fold_new_places(last, tallies[0]).items()
            if (growth := _Growth(held, [tally.get(key, census.Tally()) for tally in tallies]))
        ]
        leaking = _without_byproducts(leaking)
        # Own code before libraries: who keeps an executor explains its threads.
        leaking.sort(
            key=lambda growth: (
                is_library(self._named[growth.held.entry.root].obj),
                -growth.size_bytes,
            )
        )
        del leaking[MAX_FINDINGS:]
        # Named first: the run that is watched for growing lines replaces some of the objects.
        findings = [
            self._finding(growth, self._named[growth.held.entry.root]) for growth in leaking
        ]
        grown = self._growing_lines([growth.held for growth in leaking])
        findings = [
            replace(finding, grown=frames) for finding, frames in zip(findings, grown, strict=True)
        ]
        if findings:
            return _merge_causes(findings)
        del last, leaking
        loose.append(self._unreached(entries))
        return self._loose((loose[2] - loose[1]) & ((loose[1] - loose[0]) or loose[2]), loose[0])

    def _run(self, start: int, stop: int) -> None:
        for run in range(start, stop + 1):
            self._births.before_run()
            self._trial.run()
            settle.deeply(self._trial.heap)
            self._births.after_run(run)

    def _growing_lines(self, leaking: Sequence[Held]) -> list[tuple[Frame, ...]]:
        if not leaking or self._trial.run_seconds * WATCH_SLOWDOWN > self._trial.settings.confirm:
            return [() for _ in leaking]
        return find_growing_lines(
            self._trial.run, [held.entry.holder for held in leaking], self._sources
        )

    def _finding(self, growth: _Growth, root: Root) -> Finding:
        held = growth.held
        candidates = growth.direct or growth.counts or growth.sizes
        leaked_type = candidates.most_common(1)[0][0]
        number = (growth.direct or growth.counts).get(leaked_type, 0)
        position = self._example(held, leaked_type)
        example = held.everything[position]
        allocated = self._sources.allocation(example)
        kid = held.kids[held.owners[position]]
        named = held.place is not None or not growth.direct
        holder, steps = paths.retention_path(root, held.entry.chain, kid if named else None)
        if named and kid is example:
            steps = steps[:-1]
        if isinstance(example, threading.Thread):
            holder = f"thread {example.name}"
        birth = self._births.runs.get(id(example))
        return Finding(
            type=leaked_type,
            objects_per_run=_rate(number, self._between),
            bytes_per_run=_rate(max(growth.size_bytes, 0), self._between),
            holder=holder,
            path=(*steps, Step(via="[*]", type=leaked_type)),
            allocated=allocated,
            held=tuple(
                Share(
                    type=name,
                    objects_per_run=_rate(count, self._between),
                    bytes_per_run=_rate(growth.sizes[name], self._between),
                )
                for name, count in sorted(growth.counts.items())
                if name != leaked_type
            ),
            note=(
                f"made in run {birth}, alive after run {self._first + self._between}"
                if birth
                else ""
            ),
            capacity=known_capacity(held.entry.chain),
            advice=_ADVICE_FOR.get(holder, _ADVICE),
            fingerprint=fingerprint(holder, leaked_type, allocated),
        )

    def _example(self, held: Held, leaked_type: str) -> int:
        """Choose a leaked object of a type: held directly if possible, made early but not first.

        Returns:
            Its position in ``held.everything``, which begins with the direct ones.
        """
        last = self._first + self._between
        matching = [
            position
            for position, obj in enumerate(held.everything)
            if naming.type_name(obj) == leaked_type
        ]
        direct = [position for position in matching if position < len(held.kids)]
        for position in direct or matching:
            if 1 < self._births.runs.get(id(held.everything[position]), 0) < last:
                return position
        chosen = direct or matching or [0]
        return chosen[len(chosen) // 2]

    def _tallies(self, entries: Sequence[walk.Entry]) -> dict[census.Key, census.Tally]:
        self._roots.refresh()
        return {key: held.tally for key, held in census.take(entries, self._births).items()}

    def _unreached(self, entries: Sequence[walk.Entry]) -> Counter[str]:
        """Count the new objects that no holder leads to, by type."""
        reached = {
            id(obj)
            for held in census.take(entries, self._births).values()
            for obj in held.everything
        }
        return Counter(
            naming.type_name(obj)
            for obj in gc.get_objects()
            if id(obj) in self._births.runs and id(obj) not in reached and not traces.is_ours(obj)
        )

    def _loose(self, kinds: Counter[str], before: Counter[str]) -> list[Finding]:
        """Report what grows and is reached from no root."""
        now_loose = self._unreached(())
        grown = Counter({name: now_loose[name] - before[name] for name in kinds})
        grown = +grown
        if not grown:
            return []
        leaked_type, number = grown.most_common(1)[0]
        examples = [
            obj
            for obj in gc.get_objects()
            if id(obj) in self._births.runs
            and naming.type_name(obj) == leaked_type
            and not traces.is_ours(obj)
        ]
        example = examples[len(examples) // 2] if examples else None
        allocated = () if example is None else self._sources.allocation(example)
        others = ", ".join(f"{name} +{count}" for name, count in grown.most_common(4)[1:])
        return [
            Finding(
                type=leaked_type,
                objects_per_run=_rate(number, self._between),
                bytes_per_run=_rate(number * census.weigh(example), self._between),
                holder=_NOWHERE,
                path=(Step(via=_NOWHERE, type=leaked_type),),
                allocated=allocated,
                note=(
                    "reached from no module, class, thread or frame: held by native code, or a"
                    " reference count that was never given back"
                    + (f"; with it {others}" if others else "")
                ),
                advice=_ADVICE,
                fingerprint=fingerprint(_NOWHERE, leaked_type, allocated),
            )
        ]


def _bookkeeping() -> list[object]:
    """What the library keeps of every live thread and executor, beside the one main list."""
    places = (
        ("threading", "_dangling"),
        ("threading", "_shutdown_locks"),
        (_POOL, "_threads_queues"),
    )
    return [getattr(sys.modules.get(module), name, None) or object() for module, name in places]


_POOL = "concurrent.futures.thread"
LockType = type(threading.Lock())


class _Growth:
    """What one holder retains more of than at the earlier censuses.

    It counts only if it rose from each census to the next: what is traced by chance of the
    interpreter's free lists rises once.
    """

    def __init__(self, held: Held, before: Sequence[census.Tally]) -> None:
        first, middle, last = *before, held.tally
        self.held = held
        self.direct = _rising(first.direct, middle.direct, last.direct)
        self.counts = _rising(first.all, middle.all, last.all)
        self.sizes = last.sizes - first.sizes
        self.size_bytes = last.size_bytes - first.size_bytes
        self._grew = first.size_bytes < middle.size_bytes < last.size_bytes

    def is_byproduct(self) -> bool:
        """Tell whether this only follows from something else being kept."""
        kinds = {type(kid) for kid in self.held.kids}
        references = {kind for kind in kinds if issubclass(kind, (weakref.ref, LockType))}
        if references and kinds - references <= {str, int}:
            return True
        chain = self.held.entry.chain
        return any(obj is bookkeeping for obj in chain for bookkeeping in _bookkeeping())

    def __bool__(self) -> bool:
        return bool(self.counts) or self._grew


def _without_byproducts(leaking: list[_Growth]) -> list[_Growth]:
    """Leave out weak references and bookkeeping of threads, when what they are about is there."""
    own = [growth for growth in leaking if not growth.is_byproduct()]
    return own or leaking


def _rising(first: Counter[str], middle: Counter[str], last: Counter[str]) -> Counter[str]:
    return Counter(
        {
            name: count - first[name]
            for name, count in last.items()
            if first[name] < middle[name] < count
        }
    )


def _merge_causes(findings: Sequence[Finding]) -> list[Finding]:
    """Put findings with one fingerprint together: one cause is one finding."""
    merged: dict[str, Finding] = {}
    for finding in findings:
        first = merged.setdefault(finding.fingerprint, finding)
        if first is not finding:
            merged[finding.fingerprint] = replace(
                first,
                objects_per_run=_rate(first.objects_per_run + finding.objects_per_run, 1),
                bytes_per_run=_rate(first.bytes_per_run + finding.bytes_per_run, 1),
            )
    return list(merged.values())


def _rate(growth: float, runs: int) -> float:
    rate = growth / runs
    return int(rate) if rate == int(rate) else round(rate, 2)


def _resources(
    growth: Mapping[str, float | None],
    opened: Mapping[int, str],
    runs: int,
    findings: Sequence[Finding],
) -> list[Finding]:
    """Report growth that no Python object shows."""
    found: list[Finding] = []
    if growth.get("fds"):
        new = sorted(set(descriptors.describe_open().items()) - set(opened.items()))
        shown = ", ".join(f"fd {number} -> {target}" for number, target in new[-3:])
        found.append(
            _resource(
                "file descriptor",
                growth["fds"] or 0,
                f"open now: {shown}" if shown else "",
                "close it in a with statement or in teardown, on the error path too",
            )
        )
    if not findings and not found:
        found.extend(
            _resource(
                kind,
                per_run if counter == "threads" else 0,
                f"{runs} more runs; no Python object holds it",
                "look for a malloc without its free, or a join that is missing",
                size_bytes=0 if counter == "threads" else per_run,
            )
            for counter, kind in _UNSEEN.items()
            if (per_run := growth.get(counter))
        )
    return found


def _resource(
    kind: str, per_run: float, note: str, advice: str, *, size_bytes: float = 0
) -> Finding:
    return Finding(
        type=kind,
        objects_per_run=per_run,
        bytes_per_run=size_bytes,
        holder="this process",
        note=note,
        advice=advice,
        fingerprint=fingerprint("this process", kind, ()),
    )
