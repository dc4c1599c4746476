"""Who holds what leaked, where was it allocated, and what made the holder grow?"""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Mapping, Sequence

from pytest_leakguard import settle
from pytest_leakguard.clock import now, wait
from pytest_leakguard.diagnosis import census, naming, pace, paths, resources, traces, walk
from pytest_leakguard.diagnosis.accumulation import Accumulation, find_accumulations
from pytest_leakguard.diagnosis.aside import in_short_stack
from pytest_leakguard.diagnosis.census import Births, Held
from pytest_leakguard.diagnosis.containers import container_findings
from pytest_leakguard.diagnosis.findings import (
    Runs,
    held_finding,
    join,
    line_finding,
    loose_finding,
    merge_causes,
    with_growth,
)
from pytest_leakguard.diagnosis.model import Diagnosis
from pytest_leakguard.diagnosis.native_sites import add_native_sites
from pytest_leakguard.diagnosis.resources import Resources, with_resources
from pytest_leakguard.diagnosis.roots import Root, Roots
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.diagnosis.timeline import Timeline
from pytest_leakguard.diagnosis.watch import Watched, watch
from pytest_leakguard.evidence import TracedRun
from pytest_leakguard.forkable import other_threads
from pytest_leakguard.identity import identity_of
from pytest_leakguard.model import Finding, Frame
from pytest_leakguard.ownership import is_library
from pytest_leakguard.persistence import is_background
from pytest_leakguard.runner import Trial, tracing
from pytest_leakguard.units import format_duration, plural

#: How much slower code was seen to run while it is watched by line.
WATCH_SLOWDOWN = 30
#: Stretches between looks at traced memory that growth must have shown in, and the least of runs
#: in each.
BETWEEN_LOOKS, LEAST_BETWEEN = 2, 3
MAX_FINDINGS = 10
#: Holders that are explained: which of them have a bound is only known then.
_MOST_EXPLAINED = 100
#: Counters that new objects move.
_OBJECTS = ("gc_objects", "blocks")
#: It is idled until so many objects should have come from what grows by itself.
ENOUGH = 8


def explain(  # noqa: PLR0913  # what is known of the growth, each by its name
    trial: Trial,
    roots: Roots,
    growth: Mapping[str, float | None],
    sources: Sources,
    grown: Sequence[tuple[object, int]] = (),
    *,
    behind: bool = False,
) -> Diagnosis:
    """Run the test some more times under tracemalloc and find out who holds what.

    Args:
        trial: The convicted test's runs.
        roots: Where holders are looked for.
        growth: Growth per run by counter, as confirmed; tells what still needs a cause.
        sources: Names the lines; kept from one diagnosis to the next.
        grown: Containers that have gained items, and how many.
        behind: Whether holders with a bound explain new objects and nothing else, so that what
            makes none is looked for behind them.

    Raises:
        BrokenRunError: A run did not pass.
    """
    settle.deeply(trial.heap)
    named = roots.all()
    reached = walk.Reached(named)
    trial.heap.refreeze()
    open_resources = Resources(growth)
    diagnosing = _Diagnosing(trial, roots, named, reached, sources)
    with roots.recording():
        with tracing(pace.frames_of(trial)):
            diagnosing.find(growth)
        findings = diagnosing.findings(open_resources)
        background = diagnosing.background
        if not findings or (behind and _are_bounded(findings) and not _makes_objects(growth)):
            others: list[Finding] = []
            if growth.get("container_items"):
                others, beside = container_findings(grown, reached, named, trial, sources)
                background = tuple(dict.fromkeys((*background, *beside)))
            if not background and _are_bounded(others):
                others += diagnosing.native_findings(growth)
            findings = merge_causes([*findings, *others])
    if trial.settings.native_trace:
        findings = add_native_sites(findings, trial, sources)
    return Diagnosis(
        findings=tuple(sorted(findings, key=lambda one: bool(one.bound))[:MAX_FINDINGS]),
        traced_bytes_per_run=diagnosing.traced_bytes_per_run,
        background=background,
        not_looked=diagnosing.searched if diagnosing.is_too_slow else "",
        timeline=diagnosing.timeline,
        searched=diagnosing.searched,
    )


def _are_bounded(findings: Sequence[Finding]) -> bool:
    return all(finding.bound for finding in findings)


def _makes_objects(growth: Mapping[str, float | None]) -> bool:
    return any(growth.get(name) for name in _OBJECTS)


class _Diagnosing:
    """One diagnosis: its censuses, what accumulates between them, and the findings made of that.

    Attributes:
        traced_bytes_per_run: Growth of traced memory; ``None`` when the test stops tracing.
        timeline: What each traced run did; empty when the test stops tracing.
        background: Holders that also grow while the test does not run.
        searched: Why no holder was found, in words; empty while one was.
        is_too_slow: Whether holders were not looked for at all.
    """

    def __init__(
        self,
        trial: Trial,
        roots: Roots,
        named: Sequence[Root],
        reached: walk.Reached,
        sources: Sources,
    ) -> None:
        self._trial = trial
        self._roots = roots
        self._named = named
        self._sources = sources
        self._reached = reached
        self._births = Births(reached.untracked)
        self._accumulations: list[Accumulation] = []
        self._found: list[Finding] = []
        self.is_too_slow = False
        self._runs = Runs(between=1, last=1, births=self._births, sources=sources)
        self.traced_bytes_per_run: float | None = None
        self.timeline: tuple[TracedRun, ...] = ()
        self.background: tuple[str, ...] = ()
        self.searched = ""

    def find(self, growth: Mapping[str, float | None]) -> None:
        """Run, take the censuses, and name what accumulates between them.

        Args:
            growth: Growth per run by counter, as confirmed. Objects that nobody holds are looked
                for only where objects grow, or where it is not known yet what does.
        """
        timeline = Timeline()
        if (planned := self._plan(timeline)) is None:
            return
        first, between = planned
        self._run(2, first, timeline)
        recorder = self._trial.recorder
        if recorder is not None:
            recorder.before()
        looks = [traces.look()]
        self._roots.refresh()
        entries = self._reached.holders(self._births.runs.keys())
        censuses = [self._look(entries)]
        half = first + between // 2
        begun = now()
        self._run(first + 1, half, timeline)
        looks.append(traces.look())
        censuses.append(self._look(entries))
        last = first + between
        self._run(half + 1, last, timeline)
        self.timeline = timeline.runs(self._births)
        if recorder is not None:
            recorder.after(between)
        if tracemalloc.is_tracing():
            looks.append(traces.look())
            self.traced_bytes_per_run = traces.steady_bytes(looks) / between
        self._roots.refresh()
        held = census.take(entries, self._births)
        tallies, loose = [list(part) for part in zip(*censuses, strict=True)]
        self._runs = Runs(between=between, last=last, births=self._births, sources=self._sources)
        accumulations = [
            one
            for one in find_accumulations(held, tallies)
            if not all(map(traces.is_ours, one.held.kids))
        ]
        if accumulations and other_threads():
            accumulations = self._without_background(accumulations, entries, now() - begun)
        self._accumulations = self._worst(accumulations)
        if self._accumulations or self.background:
            self._found = [
                held_finding(one, self._named[one.held.entry.root], self._runs)
                for one in self._accumulations
            ]
            return
        loose.append(self._unreached(held))
        del held
        kinds = (loose[2] - loose[1]) & ((loose[1] - loose[0]) or loose[2])
        grown = {name: loose[2][name] - loose[0][name] for name in kinds}
        # One on every so many runs is the rarest leak that is looked for: less is chance.
        least = max(between // self._trial.settings.runs, 1)
        if not growth or _makes_objects(growth):
            self._found = self._loose(
                Counter({name: number for name, number in grown.items() if number >= least})
            )
        if not self._found:
            self._found = self._unexplained(looks, now() - begun)
        self.searched = f"{plural(last, 'more run')}; no Python object holds it"

    def _without_background(
        self,
        accumulations: list[Accumulation],
        entries: Sequence[walk.Entry],
        seconds: float,
    ) -> list[Accumulation]:
        """Leave out what also grows while the test does not run: a thread's own work.

        What the test has given a thread to do is waited for first, for as long as a run takes.
        """
        fewest = min(max(sum(one.counts.values()), 1) for one in accumulations)
        idle = min(seconds * min(ENOUGH / fewest, 1.0), self._trial.settings.confirm / 2)
        wait(min(self._trial.run_seconds, idle))
        settle.deeply(self._trial.heap)
        self._births.after_run(self._runs.last)
        before = census.totals(census.take(entries, self._births))
        begun = now()
        wait(idle)
        settle.deeply(self._trial.heap)
        self._births.after_run(self._runs.last)
        after = census.totals(census.take(entries, self._births))
        share = (now() - begun) / seconds
        own: list[Accumulation] = []
        others: list[Accumulation] = []
        for one in accumulations:
            key = identity_of(one.held.entry)
            gained, expected = after[key] - before[key], sum(one.counts.values()) * share
            (others if is_background(gained, expected) else own).append(one)
        self.background = tuple(
            paths.retention_path(self._named[one.held.entry.root], one.held.entry.chain)[0]
            for one in others
        )
        return own

    def findings(self, open_resources: Resources) -> list[Finding]:
        """Watch one more run, and tell all that is known of what accumulates.

        Args:
            open_resources: Kinds of resource that every run leaves open.
        """
        held = [accumulation.held for accumulation in self._accumulations]
        found, explained = open_resources.attach(
            self._found[: len(held)], [one.everything for one in held], self._runs.last
        )
        if not (open_resources and open_resources.are_all):  # else no objects are in question
            found += self._found[len(held) :]
        watched = Watched(grown=[() for _ in held])
        if self._can_watch() and (held or open_resources):
            watched = watch(
                self._trial.run,
                self._sources,
                containers=[one.entry.holder for one in held],
                allocations=[finding.allocated for finding in found[: len(held)]],
                resources=open_resources.watchable(),
                seconds=self._trial.settings.confirm,
            )
        for index, (accumulation, frames) in enumerate(
            zip(self._accumulations, watched.grown, strict=True)
        ):
            root = self._named[accumulation.held.entry.root]
            found[index] = with_growth(found[index], frames, accumulation, root, self._runs)
        return with_resources(merge_causes(found), open_resources.findings(watched, explained))

    def native_findings(self, growth: Mapping[str, float | None]) -> list[Finding]:
        """Watch two more runs for the line that takes native memory: the first warms them up."""
        watched = Watched()
        amounts = resources.memory_amounts(growth)
        if amounts and self._can_watch():
            for _ in range(2):
                watched = watch(
                    self._trial.run,
                    self._sources,
                    amounts=amounts,
                    seconds=self._trial.settings.confirm,
                )
        return resources.memory_findings(growth, watched, self.searched)

    def _can_watch(self) -> bool:
        in_time = self._trial.run_seconds * WATCH_SLOWDOWN <= self._trial.settings.confirm
        return in_time and not self.is_too_slow

    def _plan(self, timeline: Timeline) -> tuple[int, int] | None:
        """Run once, and choose how many runs the budget allows; ``None`` if even few are too many.

        Returns:
            Runs before the first census, this one included, and from there to the last.
        """
        begun = now()
        self._run(1, 1, timeline)
        seconds = now() - begun
        if (planned := pace.runs_of(self._trial, seconds)) is None:
            self.is_too_slow = True
            self.searched = (
                f"holders were not looked for: a traced run takes {format_duration(seconds)};"
                " a longer --leak-confirm allows it"
            )
        return planned

    def _run(self, start: int, stop: int, timeline: Timeline) -> None:
        settle.deeply(self._trial.heap)  # of what was looked at before
        # Of the many runs that rare growth takes no single one is told, and rest is needed before
        # a census only.
        are_few = self._trial.stretch == 1
        for run in range(start, stop + 1):
            if are_few:
                timeline.come_to_rest(self._trial.heap)  # nothing that is noted now may die
            self._births.before_run()
            if are_few:
                timeline.before_run(self._trial.heap)
            self._trial.run()
            if are_few:
                timeline.after_run()
            if are_few or run == stop:
                settle.deeply(self._trial.heap)
            if are_few:
                timeline.at_rest()
            self._births.after_run(run)

    def _look(
        self, entries: Sequence[walk.Entry]
    ) -> tuple[dict[census.Key, census.Tally], Counter[str]]:
        """Take a census: what hangs on each holder, and what is reached from none."""
        self._roots.refresh()
        held = census.take(entries, self._births)
        return {key: one.tally for key, one in held.items()}, self._unreached(held)

    def _worst(self, accumulations: list[Accumulation]) -> list[Accumulation]:
        """Return those to explain: own code before libraries, then by weight.

        Who keeps an executor explains its threads.
        """
        accumulations.sort(
            key=lambda accumulation: (
                is_library(self._named[accumulation.held.entry.root].obj),
                -accumulation.size_bytes,
            )
        )
        return accumulations[:_MOST_EXPLAINED]

    def _unexplained(self, looks: Sequence[traces.Look], seconds: float) -> list[Finding]:
        """Report the lines that leave memory behind on every run, where no holder is known.

        Args:
            looks: What was in use at the censuses.
            seconds: How long these were apart together.
        """
        runs = self._runs.between // BETWEEN_LOOKS
        if len(looks) <= BETWEEN_LOOKS or runs < LEAST_BETWEEN:  # too few to tell it from chance
            return []
        growths = traces.steady_growth(looks, runs)
        if growths and other_threads():
            before = traces.look()
            wait(min(seconds, self._trial.settings.confirm / 2))
            after = traces.look()
            growths = [one for one in growths if after.get(one.place) == before.get(one.place)]
        by_line: dict[Frame, Finding] = {}
        for growth in growths:
            finding = line_finding(growth, self._runs)
            line = finding.allocated[0]
            if (known := by_line.get(line)) is not None:
                finding = join(known, finding)
            by_line[line] = finding
        return [*by_line.values()]

    def _loose(self, grown: Counter[str]) -> list[Finding]:
        """Report what grows and is reached from no root."""
        if not grown:
            return []
        leaked_type = grown.most_common(1)[0][0]
        examples = [
            obj
            for obj in gc.get_objects()
            if identity_of(obj) in self._births.runs
            and naming.type_name(obj) == leaked_type
            and not traces.is_ours(obj)
        ]
        return [loose_finding(grown, examples, self._runs)]

    def _unreached(self, held: Mapping[census.Key, Held]) -> Counter[str]:
        """Count the new objects that no holder leads to, by type."""
        reached = {identity_of(obj) for one in held.values() for obj in one.everything}
        return in_short_stack(
            lambda: Counter(
                naming.type_name(obj)
                for obj in gc.get_objects()
                if identity_of(obj) in self._births.runs
                and identity_of(obj) not in reached
                and not traces.is_ours(obj)
            )
        )
