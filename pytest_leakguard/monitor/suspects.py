"""What came of running tests again that make a suspect grow?

A cache that each test asks for something else grows as steadily as a list that is never emptied.
Run again, the same test adds nothing to the one, and as much as before to the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol, final

from pytest_leakguard.units import plural

if TYPE_CHECKING:
    from pytest_leakguard.model import Finding, Result  # only suspects that are judged have them

#: How many tests are run again to see whether a suspect grows by the same test once more; how many
#: with those of other files, one of each: another file may add something else.
_TRIES, _MOST_TRIES = 3, 8
#: How many may turn out not to be fit for it, of one file and in all.
_REFUSALS, _MOST_REFUSALS = 2, 40
#: How many of a test's further runs have to add something.
_AGAIN = 2

Read = Callable[[], int | None]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a test has done to a suspect when it was run again.

    Attributes:
        gains: What each further run has added; empty if it could not be run again.
        goes_on: Whether the check convicts it of what is added.
        reason: Why it could not be run again, or why what is added is no leak.
        finding: What the check has found, if it convicts the suspect by name.
    """

    gains: tuple[int, ...] = ()
    goes_on: bool = False
    reason: str = ""
    finding: Finding | None = None

    @property
    def adds(self) -> bool:
        """Whether it has added to it time and again."""
        return adds_again(self.gains)


def adds_again(gains: Sequence[int]) -> bool:
    """Tell whether runs of a test have added to a suspect time and again."""
    return sum(gain > 0 for gain in gains) >= _AGAIN


class Suspect(Protocol):
    """Something that grows from test to test."""

    @property
    def retrials(self) -> Retrials:
        """What came of running tests again."""
        ...

    def amount(self) -> int:
        """Return how much there is of it now."""
        ...

    def bound(self) -> str:
        """Say what keeps it from growing for ever, as far as is known; empty if nothing does."""
        ...

    def roots(self) -> Mapping[str, object]:
        """Return what leads a check to it by a name of its own; empty if nothing has to."""
        ...

    def is_accused(self, result: Result) -> bool:
        """Tell whether a verdict is about it."""
        ...

    def finding(self, result: Result) -> Finding | None:
        """Return what the check has found of it; ``None`` if it has found nothing."""
        ...


@final
class Retrials:
    """What is known of one suspect.

    Attributes:
        confirmed: A test that makes it grow again when it is run again; empty while none is known.
        acquitted: Why it does not count; empty while nothing speaks for it.
        finding: What the check has found by the test that confirms it.
    """

    def __init__(self) -> None:
        self.confirmed = self.acquitted = ""
        self.finding: Finding | None = None
        self._tries = self._flat = 0
        self._last_added = False
        self._tried: Counter[str] = Counter()  # by file
        self._refusals: Counter[str] = Counter()

    @property
    def is_open(self) -> bool:
        """Whether there may be further tests that should be run again for it."""
        refusals = self._refusals.total()
        return not self.confirmed and self._tries < _MOST_TRIES and refusals < _MOST_REFUSALS

    def wants(self, file: str) -> bool:
        """Tell whether a further test should be run again for it.

        Args:
            file: The file that the test is in.
        """
        return (
            self.is_open
            and self._refusals[file] < _REFUSALS
            and (self._tries < _TRIES or file not in self._tried)
        )

    @property
    def was_judged(self) -> bool:
        """Whether the last test that was run again for it had to be judged."""
        return self._last_added

    @property
    def is_heard(self) -> bool:
        """Whether a test could be run again for it."""
        return self._tries > 0

    @property
    def is_decided(self) -> bool:
        """Whether nothing more is to be learned, and it is no leak as far as can be told."""
        return not self.confirmed and not self.is_open

    def take(self, test: str, again: Again) -> None:
        """Note what came of running a test again.

        Args:
            test: The test, which has made it grow.
            again: What it has done.
        """
        file = test.partition("::")[0]
        self._last_added = again.adds
        if not again.gains:
            self._refusals[file] += 1
            if not self._tries:
                self.acquitted = f"unproven, its tests could not be run again: {again.reason}"
            return
        self._tries += 1
        self._tried[file] += 1
        if again.adds and again.goes_on:
            self.confirmed, self.acquitted, self.finding = test, "", again.finding
        elif again.adds:
            self._tries = _MOST_TRIES  # other tests would come to the same bound
            self.acquitted = again.reason
        elif not self.confirmed:
            self._flat += 1
            tests = plural(self._flat, "test")
            self.acquitted = f"{tests} that had added to it added nothing when run again"


class Counted:
    """A suspect that a counter tells of, which a check reads by itself.

    Args:
        name: The counter's name.
        read: Reads it; ``None`` where that fails.

    Attributes:
        name: The counter's name.
        retrials: What came of running tests again.
    """

    def __init__(self, name: str, read: Read) -> None:
        self.name = name
        self._read = read
        self.retrials = Retrials()

    def amount(self) -> int:
        """Return how much there is of it now; 0 if that cannot be told."""
        return self._read() or 0

    def bound(self) -> str:
        """Return nothing: none is known of."""
        return ""

    def roots(self) -> Mapping[str, object]:
        """Return nothing: a check counts it by itself."""
        return {}

    def is_accused(self, result: Result) -> bool:
        """Tell whether a verdict is about it."""
        return (result.growth.get(self.name) or 0) > 0


def advice_of(finding: Finding | None) -> str:
    """Say where what is retained comes from and what to do about it; empty without a finding."""
    if finding is None:
        return ""
    text = f"{finding.pattern}: {finding.advice}"
    for frame in [*finding.allocated, *finding.grown][:1]:
        text = f"{PurePath(frame.file).name}:{frame.line} in {frame.function}; {text}"
    return text
