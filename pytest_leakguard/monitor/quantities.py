"""Which of descriptors, threads and tasks grow with the tests? Suspected by samples of the session.

A pool that fills up to its size, or a cache of open files, grows as steadily as a leak of one with
each test. So tests that leave one more are run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

from pytest_leakguard.monitor.judging import LEAST_GAINED, RESOURCES, grows_steadily
from pytest_leakguard.monitor.suspects import Counted, Read, Retrials, advice_of
from pytest_leakguard.monitored import Curve

if TYPE_CHECKING:
    from pytest_leakguard.model import Finding, Result

#: How many times more has to be gained before one that was acquitted is suspected anew.
_FACTOR = 4


@final
class Quantity(Counted):
    """One counter of resources under watch.

    Args:
        name: What it is called: one of :data:`judging.RESOURCES`.
        read: Reads it; ``None`` where that fails.
    """

    def __init__(self, name: str, read: Read) -> None:
        super().__init__(name, read)
        self._first: int | None = None
        self._least = LEAST_GAINED
        self._before = 0
        self._is_suspect = False
        self._acquitted = ""

    def finding(self, result: Result) -> Finding | None:
        """Return what the check has found of it; ``None`` if it has found nothing."""
        noun = RESOURCES[self.name]
        return next((one for one in result.findings if noun in one.type), None)

    def begin(self) -> None:
        """Note that a test begins."""
        if self.wants_confirmation:
            self._before = self.amount()

    @property
    def has_grown(self) -> bool:
        """Whether there are more than when the current test began."""
        return self.amount() > self._before

    @property
    def wants_confirmation(self) -> bool:
        """Whether tests that leave one more should be run again."""
        return self._is_suspect and self.retrials.is_open

    def wants(self, file: str) -> bool:
        """Tell whether a test of a file that leaves one more should be run again."""
        return self._is_suspect and self.retrials.wants(file)

    def look(self, value: int, curve: Callable[[], Curve]) -> None:
        """Look at a sample, and at those before it if there is anything to suspect.

        Args:
            value: The latest; below 0 if it could not be read.
            curve: Returns what is known of the session so far.
        """
        if value < 0:
            return
        if self._is_suspect and self.retrials.is_decided:  # what comes later may be another matter
            self._is_suspect, self._first, self._least = False, value, self._least * _FACTOR
            self._acquitted, self.retrials = self.retrials.acquitted, Retrials()
        if self._first is None or value < self._first:
            self._first = value
        if not self._is_suspect and value - self._first >= self._least:
            self._is_suspect = grows_steadily(curve(), self.name)
            self._before = value

    @property
    def acquitted(self) -> str:
        """Why it does not count, as far as is known."""
        found = self.retrials.acquitted or self._acquitted
        return found or "no test that leaves one was run again"


@final
class Quantities:
    """The counters of resources of a session.

    Args:
        readers: How each is read, by its name.
    """

    def __init__(self, readers: dict[str, Read]) -> None:
        self._all = [Quantity(name, read) for name, read in readers.items() if name in RESOURCES]

    def begin(self) -> None:
        """Note that a test begins."""
        for one in self._all:
            one.begin()

    def look(self, values: dict[str, int], curve: Callable[[], Curve]) -> None:
        """Look at a sample.

        Args:
            values: Each counter's value, below 0 where it could not be read.
            curve: Returns what is known of the session so far.
        """
        for one in self._all:
            one.look(values.get(one.name, -1), curve)

    def suspects(self, file: str) -> Sequence[Quantity]:
        """Return those in question for which a test of a file should be run again."""
        return [one for one in self._all if one.wants(file)]

    def proven(self) -> dict[str, tuple[str, str]]:
        """Return those that are leaks, each with the test that proves it and with advice."""
        return {
            one.name: (one.retrials.confirmed, advice_of(one.retrials.finding))
            for one in self._all
            if one.retrials.confirmed
        }

    def notes(self, curve: Curve) -> list[str]:
        """Say which grew steadily and are not warned of."""
        return [
            f"{RESOURCES[one.name]}s grew steadily: {one.acquitted}"
            for one in self._all
            if not one.retrials.confirmed and grows_steadily(curve, one.name)
        ]
