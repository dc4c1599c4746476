"""How many items does each test add to the holders that were seen to grow?

A length is read after each test, which is exact and costs next to nothing: what pytest itself keeps
of a test is not in these containers.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Mapping
from operator import add
from typing import TYPE_CHECKING, Any, final

from pytest_leakguard.counters.containers import sized
from pytest_leakguard.identity import identity_of
from pytest_leakguard.monitor.looks import Candidate
from pytest_leakguard.monitor.retrials import Retrials, advice_of
from pytest_leakguard.monitored import NAMELESS, Growing

if TYPE_CHECKING:
    from pytest_leakguard.model import Finding, Result

#: Tests that are named at most for a holder, and files that are remembered for it.
_MOST_NAMED, _MOST_FILES = 2_000, 500
#: Stretches of tests by which it is judged whether growth goes on.
_STRETCHES = 64
#: Tests that have to be watched before it is said that a holder grows steadily.
_LEAST_WATCHED = 24
#: Of the tests of a file, in its later half, that make a holder grow if the file is to blame.
_MOST_OF_THEM = 0.8
_LEAST_OF_FILE = 8
#: The growth of the last third against the average third, below which growth is slowing down.
_GOES_ON = 0.5
#: Tests in a row that add nothing, after which a holder may be forgotten.
_IDLE_TESTS = 64
#: What it is called where a check is to judge it and nothing else.
_SUSPECT = "the suspect"
#: After how many tests it is decided anew whether a holder is suspect.
_LOOK_EVERY = 8


def resolve(candidate: Candidate, places: Mapping[str, object]) -> object | None:
    """Find a container by the way that leads to it; ``None`` if it is not there any more.

    Args:
        candidate: The container as a look has found it.
        places: Named places that belong to the tests, such as fixtures' values, by their names.
    """
    from pytest_leakguard.diagnosis.walk import referents_of  # only what has grown pays for it

    first, *rest = candidate.way
    obj: object = sys.modules.get(candidate.root) if candidate.root else None
    if obj is None and candidate.root == "" and len(rest) >= 2:
        found = [one for one in places.values() if identity_of(one) == rest[1]]
        obj, first, rest = (found[0] if found else None), rest[1], rest[2:]
    if obj is None or identity_of(obj) != first:
        return None
    for identity in rest:
        obj = next((one for one in referents_of(obj) if identity_of(one) == identity), None)
        if obj is None:
            return None
    return obj


@final
class Watched:
    """A holder under watch. Holds the container itself, from the look that told of it on.

    Args:
        container: The container.
        began_after: The last test before the growth was seen.
        before: How many items it had then.
        named: What it is called; ``None`` while that is not known.
        value: Identity of the value of a named place that leads to it; 0 if none is known to.

    Attributes:
        retrials: What came of running tests again that make it grow.
    """

    def __init__(
        self,
        container: object,
        began_after: str,
        before: int,
        named: Candidate | None = None,
        *,
        value: int = 0,
    ) -> None:
        self.named = named
        # Any: one of several types, each of which takes its own kind.
        self._container: Any = container
        length: Callable[[Any], int] | None = sized(container)
        if length is None:
            raise TypeError(f"a container with a length is watched (got {type(container)!r})")
        self._length = length
        self._began_after = began_after
        self._value = value
        self._before = before
        self._last = self._length(container)
        self._first = self._last
        self._idle = 0
        self._watched = 0
        self._growing_tests = 0
        self._names: list[str] = []
        self._gains = array("q")
        self._added = 0
        self._files: dict[str, array[int]] = {}
        self._stretches = array("q", bytes(8 * _STRETCHES))
        self._stretch = 1
        self._is_suspect = False
        self.retrials = Retrials()

    def hangs_on(self, value: object) -> bool:
        """Tell whether the way to it leads through the value of a named place."""
        if self._value:
            return self._value == identity_of(value)
        if self.named is None or self.named.root:
            return False
        return len(self.named.way) > 2 and self.named.way[2] == identity_of(value)

    @property
    def identity(self) -> int:
        """What tells this holder from others."""
        return identity_of(self._container)

    @property
    def container(self) -> object:
        """The container itself."""
        return self._container

    @property
    def has_grown(self) -> bool:
        """Whether it has more items than when the last test was over."""
        return self.amount() > self._last

    @property
    def is_idle(self) -> bool:
        """Whether it has not grown for many tests, and is no leak: it may be forgotten."""
        return self._idle >= _IDLE_TESTS and not self.retrials.confirmed

    def amount(self) -> int:
        """Return how many items it has now."""
        return self._length(self._container)

    def roots(self) -> Mapping[str, object]:
        """Return what leads a check to it by a name of its own."""
        return {_SUSPECT: self._container}

    def is_accused(self, result: Result) -> bool:
        """Tell whether a verdict is about it."""
        return self.finding(result) is not None

    def finding(self, result: Result) -> Finding | None:
        """Return what the check has found of it; ``None`` if it has found nothing."""
        names = {_SUSPECT, "" if self.named is None else self.named.holder}
        return next((one for one in result.findings if one.holder in names), None)

    def note(self, test: str, file: str, runs: int = 1) -> int:
        """Note that a test is over, and return how many items one run of it has added.

        Args:
            test: Its node id.
            file: Its file.
            runs: How often it ran, if it was judged.
        """
        items = self.amount()
        gained = -((self._last - items) // runs)  # one that adds at all adds an item
        self._last = items
        counts = self._files.get(file)
        if counts is None and len(self._files) < _MOST_FILES:
            # Tests watched, those that added, and a bit for each of the latest: whether it did.
            counts = self._files[file] = array("q", (0, 0, 0))
        if counts is not None:
            counts[0] += 1
            counts[1] += gained > 0
            counts[2] = (counts[2] << 1 | (gained > 0)) & 0xFFFF
        self._idle = 0 if gained > 0 else self._idle + 1
        if gained > 0:
            self._growing_tests += 1
            if len(self._names) < _MOST_NAMED:
                self._names.append(test)
                self._gains.append(gained)
        if self._watched >= _STRETCHES * self._stretch:
            half = _STRETCHES // 2
            merged = map(add, self._stretches[::2], self._stretches[1::2])
            self._stretches = array("q", [*merged, *[0] * half])
            self._stretch *= 2
        self._stretches[self._watched // self._stretch] += gained
        self._watched += 1
        self._added += gained
        if self._watched % _LOOK_EVERY == 0:
            self._is_suspect = self.is_steady()
        return gained

    def is_steady(self) -> bool:
        """Tell whether it goes on growing: until now, or by each of the latest tests of a file.

        What a test has added to again when it was run again does, whatever later tests do.
        """
        if self._watched < _LEAST_WATCHED or 2 * (self._last - self._first) < self._growing_tests:
            return False
        if self.retrials.confirmed:
            return True
        return self._goes_on() or any(map(_is_to_blame, self._files.values()))

    def _goes_on(self) -> bool:
        whole = self._watched // self._stretch
        gains = self._stretches[:whole]
        third = whole // 3
        if not third:
            return False
        parts = [sum(gains[n * third : (n + 1) * third]) for n in range(3)]
        average = sum(parts) / 3
        return min(parts) > 0 and parts[-1] >= _GOES_ON * average

    @property
    def is_suspect(self) -> bool:
        """Whether it was seen to grow steadily while tests were still to come."""
        return self._is_suspect

    @property
    def wants_confirmation(self) -> bool:
        """Whether a test that makes it grow should be run again."""
        return self._is_suspect and self.retrials.is_open

    def _name(self) -> str:
        if self.named is not None:
            return self.named.holder
        found = self.retrials.finding
        return NAMELESS if found is None else found.holder

    def found(self) -> Growing:
        """Return what was seen."""
        from pytest_leakguard.diagnosis.naming import type_name

        items = self.amount()
        files = sorted(self._files.items(), key=lambda one: -one[1][1])
        named = sorted(zip(self._gains, self._names, strict=True), key=lambda one: -one[0])
        growing = {file: (counts[1], counts[0]) for file, counts in files if counts[1]}
        watched = max(self._watched, 1)
        return Growing(
            holder=self._name(),
            type=type_name(self._container) if self.named is None else self.named.type,
            items=items,
            gained=items - self._before,
            per_test=round(self._added / watched, 3),
            began_after=self._began_after,
            tests=self._growing_tests,
            watched=self._watched,
            names=tuple(name for _, name in named),
            files=growing,
            steady=self.is_steady(),
            bound="" if self.named is None else self.named.bound,
            confirmed=self.retrials.confirmed,
            acquitted=self.retrials.acquitted,
            advice=advice_of(self.retrials.finding),
        )


def _is_to_blame(counts: array[int]) -> bool:
    """Tell whether nearly each of the latest tests of a file has added something."""
    latest = min(counts[0] // 2, 16)
    added = (counts[2] & ((1 << latest) - 1)).bit_count()
    return counts[0] >= 2 * _LEAST_OF_FILE and added >= _MOST_OF_THEM * latest
