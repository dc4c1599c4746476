"""What have the runs of a test shown in their course, beside its verdict? Frozen values.

Traced runs one by one, the trends of a soak, and what a profiler has recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRun:
    """What one run under tracemalloc did to the memory that Python's allocators hand out.

    Attributes:
        kept_bytes: What was in use after it, its garbage gone, beyond what was before; below 0
            where it let go of more than it kept.
        peak_bytes: The most that was in use at once during it, beyond what was before.
        alive_objects: How many of the objects that it made are alive after the last of these runs,
            as far as the collector tracks them.
    """

    kept_bytes: int
    peak_bytes: int
    alive_objects: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How one counter's retained floor moves over the later half of a soak.

    Attributes:
        slope: Growth per run, in the counter's unit.
        low: Lower end of its 95 % interval; ``None`` where there are too few samples for one.
        high: Upper end of its 95 % interval; ``None`` where there are too few samples for one.
        unit: What is counted, in the singular, such as ``object`` or ``native byte``.
        grows: Whether it goes on rising beyond what is allowed, as far as the soak can tell.
        exact: Whether it grows, by the same whole number on each run.
    """

    slope: float
    low: float | None
    high: float | None
    unit: str
    grows: bool = False
    exact: bool = False


#: What has ended a soak: its time, growth that was certain or took too much room, a run that did
#: not pass, or the user.
SoakEnd = Literal["time", "certain", "room", "broken", "interrupt"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a profiler has recorded of further runs of a leaking test.

    Attributes:
        tool: The profiler.
        runs: How many runs it has seen; not among the executions that the verdict rests on.
        seconds: How long that took, in seconds; part of the result's.
        files: Kind to file, the one to look at first before others; empty where there are none.
        command: What repeats it by hand, for a shell.
        problem: Why there are no files, or not all of them; empty if there are.
    """

    tool: str
    runs: int = 0
    seconds: float = 0.0
    files: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    problem: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """How long a test was run for to see what grows slowly or rarely.

    Attributes:
        duration: How long it was to take, in seconds.
        seconds: How long it took, in seconds.
        runs: How often the test ran in that time.
        workers: How many threads or tasks ran its body together in each run.
        ended: What has ended it.
        trends: By counter, how its retained floor moves.
    """

    duration: float
    seconds: float
    runs: int
    workers: int
    ended: SoakEnd
    trends: Mapping[str, Trend] = field(default_factory=dict)

    @property
    def growing(self) -> tuple[str, ...]:
        """Names of the counters that go on rising, in the order of reports."""
        return tuple(name for name, trend in self.trends.items() if trend.grows)

    @property
    def is_exact(self) -> bool:
        """Whether each run leaves the same behind."""
        return any(trend.exact for trend in self.trends.values())

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Soak:  # as JSON has it
        """Rebuild a soak from ``dataclasses.asdict``, also after a round trip through JSON."""
        trends = {name: Trend(**trend) for name, trend in plain["trends"].items()}
        return cls(**{**plain, "trends": trends})
