"""What has been seen of a process over a whole session? Frozen values, plain data.

They travel from the workers of a distributed session to its controller, and into reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, final

#: What is sampled, in the order of reports; what ends in ``_bytes`` is in bytes.
SAMPLED: tuple[str, ...] = (
    "rss_bytes",
    "uss_bytes",
    "native_bytes",
    "mapped_bytes",
    "blocks",
    "gc_young",
    "gc_middle",
    "gc_old",
    "fds",
    "threads",
    "tasks",
)

WarningKind = Literal["steady growth", "rapid growth", "high use"]
WARNING_KINDS: tuple[WarningKind, ...] = ("steady growth", "rapid growth", "high use")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Samples of a session, thinned so that their shape is kept.

    Attributes:
        seconds: When each was taken, since the monitor began.
        tests: How many tests were over by then.
        series: Name to samples; ``None`` where one was too dear at the moment.
        peaks: Name to the highest sample of all, those that were thinned out included.
        peak_tests: Name to the test after which that was; empty between tests.
    """

    seconds: tuple[float, ...] = ()
    tests: tuple[int, ...] = ()
    series: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    peaks: Mapping[str, int] = field(default_factory=dict)
    peak_tests: Mapping[str, str] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTrend:
    """How something developed over a session.

    Attributes:
        counter: What grew: one of :data:`SAMPLED`, or the name of a holder.
        first: The value at the beginning of what was looked at.
        last: The value at its end.
        per_test: Slope by least squares, in the counter's unit per test.
        per_minute: The same per minute.
        correlation: Pearson's, between -1 and 1; 0 where nothing moved.
    """

    counter: str
    first: float
    last: float
    per_test: float
    per_minute: float
    correlation: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """What was still there when a test, or the tests of a file, were over.

    Attributes:
        name: The test's node id, or the file.
        tests: How many tests that stands for.
        items: Items that growing holders had gained.
        blocks: Blocks beyond what a test of this session typically leaves to pytest itself.
        native_bytes: The same of the native heap, in bytes.
        fds: File descriptors.
        threads: Threads.
    """

    name: str
    tests: int = 1
    items: int = 0
    blocks: int = 0
    native_bytes: int = 0
    fds: int = 0
    threads: int = 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """A holder that went on growing while tests ran.

    Attributes:
        holder: Its dotted name.
        type: Dotted type of the container.
        items: How many items it had at last.
        gained: How many of them it has gained since it was first seen.
        per_test: Items gained per test while it was watched.
        began_after: The last test before it was seen to grow.
        tests: How many of the tests that were watched have made it grow.
        watched: How many tests were watched.
        names: Those that have, the largest gains first; 2,000 at most.
        files: The files of those that have, with how many of their watched tests did.
        steady: It grew until the end, or on each test of some file, without slowing down.
        bound: What keeps it from growing for ever, in words; empty when nothing is known.
        confirmed: A test that makes it grow again when it is run again; empty when none was found.
        acquitted: Why it does not count; empty when it does.
        advice: Where what it retains comes from and what to do about it, as the check says by the
            test that confirms it; may be empty.
    """

    holder: str
    type: str
    items: int
    gained: int
    per_test: float
    began_after: str
    tests: int
    watched: int
    names: tuple[str, ...] = ()
    files: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    steady: bool = False
    bound: str = ""
    confirmed: str = ""
    acquitted: str = ""
    advice: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Memory that several tests keep, of those that were run again though nothing was suspected.

    Attributes:
        holder: Dotted name of what holds it.
        type: Dotted type of what is kept.
        asked: How many tests were run again.
        names: Those of them that keep more with each run.
        advice: Where it comes from and what to do about it.
    """

    holder: str
    type: str
    asked: int
    names: tuple[str, ...] = ()
    advice: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Collections:
    """What the garbage collector did while tests ran.

    Attributes:
        runs: Collections by generation, the youngest first.
        collected: Objects that they have freed.
        uncollectable: Objects that they could not free.
        pause_seconds: How long the program stood still for them in all.
        longest_seconds: The longest single pause.
        longest_test: The test in which that was; empty between tests.
        slowest: Tests whose pauses took longest together, with seconds.
        in_garbage: How many objects ``gc.garbage`` has gained.
        garbage_tests: Tests that left uncollectable objects, with their number.
        raising: What finalisers have raised, with the number of times.
    """

    runs: tuple[int, ...] = ()
    collected: int = 0
    uncollectable: int = 0
    pause_seconds: float = 0.0
    longest_seconds: float = 0.0
    longest_test: str = ""
    slowest: tuple[tuple[str, float], ...] = ()
    in_garbage: int = 0
    garbage_tests: tuple[tuple[str, int], ...] = ()
    raising: tuple[tuple[str, int], ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorWarning:
    """Something about a session that ought not to go unnoticed.

    Attributes:
        kind: Which of the three rules it is.
        text: One sentence with the actual value and the limit.
        advice: Where it comes from and what to do about it; may be empty.
    """

    kind: WarningKind
    text: str
    advice: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """One process of a session.

    Attributes:
        process: The worker's name in a distributed session; empty otherwise.
        seconds: How long it was looked at.
        tests: How many tests ran.
        measured: How many of them were measured one by one: as many as the monitor's share of the
            time allows.
        cost_seconds: Time that the monitor itself has taken.
        rerun_seconds: Time that running suspects' tests again has taken besides.
        reruns: How many tests were run again.
        curve: Samples over the session.
        trends: How the counters developed after warm-up.
        growing: Holders that went on growing, those that count first.
        spread: Memory without a holder that was watched, kept by several tests.
        retaining: The tests that retained most.
        retaining_files: The files whose tests retained most.
        collections: What the garbage collector did.
        warnings: What ought not to go unnoticed.
        limit_bytes: What the process and its like may use: the machine's memory or the control
            group's; 0 when unknown.
        notes: What could not be looked at, and why.
    """

    process: str = ""
    seconds: float = 0.0
    tests: int = 0
    measured: int = 0
    cost_seconds: float = 0.0
    rerun_seconds: float = 0.0
    reruns: int = 0
    curve: Curve = Curve()
    trends: tuple[SessionTrend, ...] = ()
    growing: tuple[Growing, ...] = ()
    spread: tuple[Spread, ...] = ()
    retaining: tuple[Retained, ...] = ()
    retaining_files: tuple[Retained, ...] = ()
    collections: Collections = Collections()
    warnings: tuple[MonitorWarning, ...] = ()
    limit_bytes: int = 0
    notes: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:  # as JSON has it
        """Return it as dicts, lists, strings and numbers."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Monitored:  # as JSON has it
        """Rebuild it from :meth:`to_plain`, also after a round trip through JSON."""
        curve = plain["curve"]
        series = {name: tuple(samples) for name, samples in curve["series"].items()}
        collections: dict[str, Any] = {  # by the names of the fields
            name: tuple(tuple(one) if isinstance(one, list | tuple) else one for one in value)
            if isinstance(value, list | tuple)
            else value
            for name, value in plain["collections"].items()
        }
        rebuilt: dict[str, Any] = {  # by the names of the fields
            "curve": Curve(
                seconds=tuple(curve["seconds"]),
                tests=tuple(curve["tests"]),
                series=series,
                peaks=curve["peaks"],
                peak_tests=curve["peak_tests"],
            ),
            "trends": tuple(SessionTrend(**one) for one in plain["trends"]),
            "growing": tuple(_growing(one) for one in plain["growing"]),
            "spread": tuple(
                Spread(**{**one, "names": tuple(one["names"])}) for one in plain["spread"]
            ),
            "retaining": tuple(Retained(**one) for one in plain["retaining"]),
            "retaining_files": tuple(Retained(**one) for one in plain["retaining_files"]),
            "collections": Collections(**collections),
            "warnings": tuple(MonitorWarning(**one) for one in plain["warnings"]),
            "notes": tuple(plain["notes"]),
        }
        return cls(**{**plain, **rebuilt})


def _growing(plain: Mapping[str, Any]) -> Growing:  # as JSON has it
    files = {name: (grown, watched) for name, (grown, watched) in plain["files"].items()}
    return Growing(**{**plain, "names": tuple(plain["names"]), "files": files})
