"""The values that come out of the pipeline: findings and results.

All are frozen and hold only plain data, so that no stored value keeps an object of the tested code
alive, and so that a result can travel between processes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, final

from pytest_leakguard.evidence import Profile, Soak, TracedRun
from pytest_leakguard.exemptions import Exempted

if TYPE_CHECKING:
    from pytest_leakguard.memory_table import MemoryTable  # few results have one

Verdict = Literal["clean", "leak", "bounded", "inconclusive", "known", "unchecked"]

#: How a cause stands to the file of known leaks.
Status = Literal["", "new", "known", "worse", "expired"]

#: A subscript in a holder's name: which of many it is.
SUBSCRIPT = re.compile(r"\[[^\]]*\]")

#: The holder of what nothing known leads to.
NOWHERE = "no named holder"
#: The holder of resources and native memory of which no object is known.
PROCESS = "this process"
#: What the context variables of the thread of the tests are called together.
CONTEXT = "contextvars.copy_context()"
#: What a finding calls memory without a known object of Python.
OF_BYTES = frozenset({"native memory", "mapped memory", "memory block"})

VERDICTS: tuple[Verdict, ...] = ("clean", "leak", "bounded", "inconclusive", "known", "unchecked")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One line of an allocation traceback.

    Attributes:
        file: Path as the interpreter knows it; reports shorten it to the root directory.
        line: Line number, from 1.
        function: Qualified name of the innermost function, or ``<module>``.
        source: The line's text without its indentation; empty when the file cannot be read.
        fixture: Name of the fixture that the function sets up and tears down; empty if it is none.
        module: Name of the module that the file was imported as; empty when unknown.
    """

    file: str
    line: int
    function: str
    source: str
    fixture: str = ""
    module: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NativeFrame:
    """One frame of native code.

    Attributes:
        function: Name as the symbols of its library have it; empty when they have none.
        file: Path as the compiler knew it; empty without debug information.
        line: Line number, from 1; 0 without debug information.
        library: Path of its shared object, or of the executable; empty when unknown.
    """

    function: str
    file: str
    line: int
    library: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a retention path: how it is reached from the step before, and its type."""

    via: str
    type: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A type's part in a finding: objects and bytes per run."""

    type: str
    objects_per_run: float
    bytes_per_run: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What keeps a holder from growing for ever; without a text, nothing that is known.

    Attributes:
        text: It in words, with the fill.
        room: How many more items the holder takes before it is full or passes the bound; 0 when
            that is not known.
        lifetime: Seconds after which the holder drops what it has; 0 when that is not known.
        kept: It is kept by the kind of holder, or by code that was read. Otherwise it is only
            stated, by the name of an attribute.
    """

    text: str = ""
    room: int = 0
    lifetime: float = 0.0
    kept: bool = False

    def __bool__(self) -> bool:
        return bool(self.text)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause: what is retained per run, where it was allocated and who holds it.

    Attributes:
        type: Dotted type of the objects that the holder retains directly.
        objects_per_run: How many of them one run leaves behind; 0 when one object only grows.
        bytes_per_run: What they weigh with everything new that only they reach, in bytes.
        holder: Dotted name of the thing that retains.
        path: The shortest retention path, from a root to the leaked object.
        allocated: Allocation traceback, innermost line first, down to the test's own line.
        native: The native code that allocated it, innermost first; empty when not asked for or
            unknown.
        grown: The lines that grew the holder, innermost first; empty when unknown.
        held: Other new objects that live only through the leaked ones.
        note: A sentence on what was seen, such as which run made the example; may be empty.
        bound: What keeps the holder from growing for ever, as far as it is known.
        pattern: Name of the leak pattern, or ``unrecognised``.
        meaning: What happens on each run under this pattern, in a clause; may be empty.
        advice: What to do about it.
        fingerprint: Eight hex digits that stay the same when lines move.
        status: Whether the file of known leaks has it, and whether it is worse or has expired;
            empty where it was not held against that file.
        status_reason: Why it is known, or no longer tolerated; empty when it is new.
    """

    type: str
    objects_per_run: float
    bytes_per_run: float
    holder: str
    path: tuple[Step, ...] = ()
    allocated: tuple[Frame, ...] = ()
    native: tuple[NativeFrame, ...] = ()
    grown: tuple[Frame, ...] = ()
    held: tuple[Share, ...] = ()
    note: str = ""
    bound: Bound = Bound()
    pattern: str = "unrecognised"
    meaning: str = ""
    advice: str = ""
    fingerprint: str = ""
    status: Status = ""
    status_reason: str = ""

    @property
    def fixture(self) -> str:
        """Name of the fixture in which it was allocated or grown; empty if it was in none."""
        frames = (*self.allocated, *self.grown)
        return next((frame.fixture for frame in frames if frame.fixture), "")

    @property
    def names(self) -> tuple[str, ...]:
        """What an exemption may name: type, holder, fingerprint, the module that allocates."""
        modules = [frame.module for frame in self.allocated[:1] if frame.module]
        return (self.type, self.holder, self.fingerprint, *modules)

    @property
    def page(self) -> str:
        """Page of the documentation on this pattern, as a path in it; empty if unrecognised."""
        if self.pattern == "unrecognised":
            return ""
        return f"reference/patterns/{re.sub(r'[^a-z0-9]+', '-', self.pattern)}"

    def with_fixtures(self, fixtures: Mapping[tuple[str, str], str]) -> Finding:
        """Return the same finding with the fixtures named that its lines stand in.

        Args:
            fixtures: Names by file and function.
        """

        def named(frame: Frame) -> Frame:
            function = frame.function.partition(".<locals>")[0]
            return replace(frame, fixture=fixtures.get((frame.file, function), ""))

        return replace(
            self, allocated=tuple(map(named, self.allocated)), grown=tuple(map(named, self.grown))
        )

    def with_pattern(self, name: str, meaning: str, advice: str) -> Finding:
        """Return the same finding with the pattern that was recognised in it.

        A meaning that speaks of every run speaks of some where it is not on every one.
        """
        if 0 < self.objects_per_run < 1:
            meaning = meaning.replace("on every run", "on some runs")
        return replace(self, pattern=name, meaning=meaning, advice=advice)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The verdict on one test, with its evidence.

    Attributes:
        verdict: What was decided.
        reason: One sentence: why, or what moved; empty when clean.
        executions: How often the test ran in all, the user's own run included.
        seconds: Extra time spent, in seconds.
        growth: Counter name to growth per run in the counter's unit; ``None`` when not read.
        series: Counter name to the samples that the verdict rests on.
        batches: Runs before each sample but the first; empty where it was one before each.
        findings: Causes, the heaviest first.
        evidence: How the growth was confirmed, in words; empty when nothing was.
        timeline: The runs under tracemalloc by which growth was explained, in their order; empty
            where there was none to explain, or the test stops tracemalloc.
        ignored: The exemptions that held for this test, with the number of findings of each.
        not_isolated: Why the re-runs happened in the session's process although a child was asked
            for; empty if they did not, or none was.
        only_after: The earlier test without which this one does not grow, by its node id, or
            ``earlier tests`` where no single one was found; empty when it was not judged so.
        snapshots: Files of the heap before some of its runs and after them; empty without.
        no_snapshots: Why there are none though they were asked for; empty if there are, or the
            verdict does not ask for them.
        memory: Where the memory of the process was in which it was judged, if bytes grew without
            an object of Python; else ``None``.
        profile: What a profiler has recorded of it; ``None`` if none was asked for, or the verdict
            does not ask for it.
        soak: How it was soaked; ``None`` if it was not. Its samples are the ``series`` then.
    """

    verdict: Verdict
    reason: str = ""
    executions: int = 0
    seconds: float = 0.0
    growth: Mapping[str, float | None] = field(default_factory=dict)
    series: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    batches: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    evidence: str = ""
    timeline: tuple[TracedRun, ...] = ()
    ignored: tuple[Exempted, ...] = ()
    not_isolated: str = ""
    only_after: str = ""
    snapshots: tuple[str, ...] = ()
    no_snapshots: str = ""
    memory: MemoryTable | None = None
    profile: Profile | None = None
    soak: Soak | None = None

    @property
    def is_of_bytes(self) -> bool:
        """Whether memory leaks for which no object of Python stands."""
        if self.verdict != "leak":
            return False
        if any(finding.type in OF_BYTES for finding in self.findings):
            return True
        grown = {name for name, per_run in self.growth.items() if (per_run or 0) > 0}
        in_bytes = {name for name in grown if name.endswith("_bytes")}
        is_native = in_bytes != {"traced_bytes"}  # else an object that is known grows in place
        return bool(grown) and grown == in_bytes and (is_native or not self.findings)

    def to_plain(self) -> dict[str, Any]:  # as JSON has it
        """Return the result as dicts, lists, strings and numbers."""
        # Field by field: most results have no findings, and asdict() copies every sample.
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "executions": self.executions,
            "seconds": self.seconds,
            "growth": dict(self.growth),
            "series": dict(self.series),
            "batches": list(self.batches),
            "findings": [asdict(finding) for finding in self.findings],
            "evidence": self.evidence,
            "timeline": [asdict(run) for run in self.timeline],
            "ignored": [asdict(exempted) for exempted in self.ignored],
            "not_isolated": self.not_isolated,
            "only_after": self.only_after,
            "snapshots": list(self.snapshots),
            "no_snapshots": self.no_snapshots,
            "memory": None if self.memory is None else self.memory.to_plain(),
            "profile": None if self.profile is None else asdict(self.profile),
            "soak": None if self.soak is None else asdict(self.soak),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Result:  # as JSON has it
        """Rebuild a result from :meth:`to_plain`, also after a round trip through JSON."""
        findings = tuple(
            Finding(
                **{
                    **finding,
                    "path": tuple(Step(**step) for step in finding["path"]),
                    "allocated": tuple(Frame(**frame) for frame in finding["allocated"]),
                    "native": tuple(NativeFrame(**frame) for frame in finding["native"]),
                    "grown": tuple(Frame(**frame) for frame in finding["grown"]),
                    "held": tuple(Share(**share) for share in finding["held"]),
                    "bound": Bound(**finding["bound"]),
                }
            )
            for finding in plain["findings"]
        )
        series = {name: tuple(samples) for name, samples in plain["series"].items()}
        ignored = tuple(Exempted(**exempted) for exempted in plain["ignored"])
        timeline = tuple(TracedRun(**run) for run in plain["timeline"])
        rebuilt: dict[str, Any] = {"findings": findings, "series": series, "ignored": ignored}
        rebuilt["timeline"] = timeline
        if (memory := plain["memory"]) is not None:
            from pytest_leakguard.memory_table import MemoryTable

            rebuilt["memory"] = MemoryTable.from_plain(memory)
        if (profile := plain["profile"]) is not None:
            rebuilt["profile"] = Profile(**profile)
        if plain["soak"] is not None:
            rebuilt["soak"] = Soak.from_plain(plain["soak"])
        for name in ("batches", "snapshots"):
            rebuilt[name] = tuple(plain[name])
        return cls(**{**plain, **rebuilt})
