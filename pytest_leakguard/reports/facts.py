"""What is known of a session when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:  # a session's monitor alone needs none of these
    from pytest_leakguard.baseline import Comparison
    from pytest_leakguard.memory_table import MemoryTable
    from pytest_leakguard.model import Result
    from pytest_leakguard.monitored import Monitored


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TestOutcome:
    """One test and its result.

    Attributes:
        nodeid: The test.
        kind: ``noleak``, ``leaks`` or ``suite``; empty when it was not judged.
        result: The verdict; ``unchecked`` when it was not judged.
    """

    __test__ = False  # not a test class, whatever its name

    nodeid: str
    kind: str
    result: Result


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """How the empty test came out that is judged before the others.

    Attributes:
        reason: What has moved; empty when it was flat.
        prevents: Whether nothing could be judged for that reason.
    """

    reason: str = ""
    prevents: bool = False

    @classmethod
    def of(cls, result: Result) -> SelfCheck:
        """Return what a verdict on the empty test says."""
        return cls(reason=result.reason, prevents=result.verdict != "clean")

    def to_plain(self) -> dict[str, object]:
        """Return data that pytest-xdist can carry; the constructor's arguments."""
        return {"reason": self.reason, "prevents": self.prevents}

    def worse(self, other: SelfCheck) -> SelfCheck:
        """Return the one that says more against the process that it was made in."""
        return max(self, other, key=lambda one: (one.prevents, bool(one.reason)))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """A whole session.

    Attributes:
        mode: Which tests were to be checked.
        python: Version of the interpreter.
        pytest: Version of pytest.
        platform: The operating system in words.
        counters: Names of the counters that were read.
        self_check: How the empty test came out, the worst of all processes.
        executions: How often judged tests ran in all, their own runs included.
        extra_seconds: Time spent on re-runs, in seconds.
        tests: Every collected test.
        whole: Whether all tests of the suite were to run: none deselected, none named one by one.
        comparison: How it stands to an earlier session; ``None`` if it was not held against one.
        monitored: What the monitor has seen of each process; empty if none was on.
        memory: Where the memory was at its end of the process that tests ran in, or of the one of
            several that had most of it; ``None`` if it was not measured.
    """

    mode: str
    python: str
    pytest: str
    platform: str
    counters: tuple[str, ...]
    self_check: SelfCheck
    executions: int
    extra_seconds: float
    tests: tuple[TestOutcome, ...]
    whole: bool = False
    comparison: Comparison | None = None
    monitored: tuple[Monitored, ...] = ()
    memory: MemoryTable | None = None

    @property
    def judged(self) -> tuple[TestOutcome, ...]:
        """The tests that were run again."""
        return tuple(outcome for outcome in self.tests if outcome.kind)
