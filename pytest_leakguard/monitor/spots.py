"""Do tests keep memory that no container under watch explains? Some are asked, as time allows.

A linked list, a growing string or native memory has no items to count, and what a test keeps of
them is lost among what pytest keeps of each test. So now and then a test is run again in a child,
whatever it is suspected of, and what it adds to the heap is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, final

from pytest_leakguard.monitor.ration import Ration
from pytest_leakguard.monitor.suspects import Counted, Read, advice_of
from pytest_leakguard.monitored import Spread

if TYPE_CHECKING:
    from pytest_leakguard.model import Finding, Result

#: Share of the elapsed time that this may take, and what one is taken to cost before any was made.
_SHARE, _FIRST_SECONDS = 0.004, 0.1
#: Tests that are asked at most, and convictions after which none is asked any more.
_MOST, _ENOUGH = 24, 2
#: Tests that have to keep something for the same holder before it is a leak of the session's.
_LEAST = 2
_COUNTED = ("blocks", "native_bytes")


@final
class Memory(Counted):
    """What a test that is asked may add to: one counter of the heap."""

    def finding(self, result: Result) -> Finding | None:
        """Return what the check has found, the heaviest first; ``None`` if it has found nothing."""
        return result.findings[0] if self.is_accused(result) and result.findings else None


@final
class SpotChecks:
    """Asks tests of a session what they keep.

    Args:
        readers: How each counter is read, by its name.
    """

    def __init__(self, readers: Mapping[str, Read]) -> None:
        self._readers = {name: readers[name] for name in _COUNTED if name in readers}
        self._ration = Ration(_SHARE)
        self._cost = _FIRST_SECONDS
        self._seconds = 0.0
        self._tried = self._asked = 0
        self._convicted: list[tuple[str, Finding]] = []

    @property
    def spent_seconds(self) -> float:
        """What this has taken so far, in seconds."""
        return self._seconds

    def affords(self, elapsed_seconds: float, own_seconds: float = 0.0) -> bool:
        """Tell whether a test may be asked now.

        Args:
            elapsed_seconds: Time since the session began.
            own_seconds: What running the test again will take, as far as is known.
        """
        return (
            self._tried < _MOST
            and len(self._convicted) < _ENOUGH
            and self._ration.affords(self._cost + own_seconds, elapsed_seconds)
        )

    def suspects(self) -> list[Memory]:
        """Return what a test may add to."""
        return [Memory(name, read) for name, read in self._readers.items()]

    def take(self, test: str, asked: Sequence[Memory], seconds: float) -> None:
        """Note what came of asking a test.

        Args:
            test: Its node id.
            asked: What it may have added to.
            seconds: How long it took.
        """
        self._tried += 1
        self._asked += any(one.retrials.is_heard for one in asked)
        self._seconds += seconds
        findings = [one.retrials.finding for one in asked if one.retrials.finding is not None]
        if findings:
            self._convicted.append((test, findings[0]))
            seconds = self._cost  # a conviction costs seconds, and there are few
        self._cost = seconds
        self._ration.spent += seconds

    def spread(self) -> tuple[Spread, ...]:
        """Return what several of the tests that were asked keep."""
        holders = Counter(finding.holder for _, finding in self._convicted)
        return tuple(
            Spread(
                holder=holder,
                type=next(one.type for _, one in self._convicted if one.holder == holder),
                asked=self._asked,
                names=tuple(test for test, one in self._convicted if one.holder == holder),
                advice=next(advice_of(one) for _, one in self._convicted if one.holder == holder),
            )
            for holder, tests in holders.items()
            if tests >= _LEAST
        )

    def notes(self) -> list[str]:
        """Say what a single test keeps: it may be that test alone."""
        spread = {one.holder for one in self.spread()}
        return [
            f"{test} keeps more with each run, held by {finding.holder}: --leak-check tells more"
            for test, finding in self._convicted
            if finding.holder not in spread
        ]
