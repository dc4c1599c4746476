"""Which counters are read for a test? What is asked for, is undisturbed, and is worth its cost."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from pytest_leakguard import counters
from pytest_leakguard.counters import Counter
from pytest_leakguard.counters.containers import ContainerItems
from pytest_leakguard.counters.nearby import NearbyItems, Neighbourhood
from pytest_leakguard.counters.ration import RATIONED, NativeRation
from pytest_leakguard.settings import NATIVE_COUNTERS, Settings

#: Readings of a sound test: the baseline, and after the last run.
_READINGS = 2


class Selection:
    """Selects counters for the tests of one process.

    Args:
        track: Names of the counters to read; ``None`` for all that the platform has.

    Attributes:
        missing: Names of those that the platform does not have.
    """

    def __init__(self, track: tuple[str, ...] | None = None) -> None:
        self.missing = counters.missing(track)
        self._available = counters.available(track)
        self._track = track
        self._native = NativeRation()
        self._nearby = NearbyItems()

    def names(self) -> list[str]:
        """Return the names of the counters that are read for every checked test."""
        names = [counter.name for counter in self._available]
        if self._track is None or ContainerItems.name in self._track:
            names.append(ContainerItems.name)
        return names

    def leave_neighbourhood(self) -> None:
        """Let go of what is held from test to test; to be called before anything wide ends."""
        self._nearby.leave()

    def of_process(self) -> tuple[Counter, ...]:
        """Return the counters of the whole process."""
        if tracemalloc.is_tracing():  # it keeps its records on the native heap
            return _without(self._available, NATIVE_COUNTERS)
        return tuple(self._available)

    def of_test(
        self, settings: Settings, neighbourhood: Neighbourhood | None, *, at_any_cost: bool
    ) -> tuple[Counter, ...]:
        """Return the counters for a test.

        Args:
            settings: How it is checked.
            neighbourhood: Where containers are that may gain items; ``None``: nowhere.
            at_any_cost: Readings of the native heap are not rationed.
        """
        track = settings.track
        chosen = tuple(
            counter for counter in self.of_process() if track is None or counter.name in track
        )
        if not at_any_cost and not self._native.affords(chosen, _READINGS):
            chosen = _without(chosen, RATIONED)
        if neighbourhood is not None and (track is None or ContainerItems.name in track):
            chosen = (*chosen, self._nearby.enter(neighbourhood))
        return chosen


def _without(chosen: Sequence[Counter], names: AbstractSet[str]) -> tuple[Counter, ...]:
    return tuple(counter for counter in chosen if counter.name not in names)
