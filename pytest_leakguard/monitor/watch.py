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
from pytest_leakguard.monitor.routes import Route, route_along
from pytest_leakguard.monitor.suspects import Retrials, advice_of
from pytest_leakguard.monitored import Growing

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


def follow(candidate: Candidate, places: Mapping[str, object]) -> Route | None:
    """Return the way to a container that a look has found; ``None`` if it is not there any more.

    Args:
        candidate: The container as a look has found it.
        places: Named places that belong to the tests, such as fixtures' values, by their names.
    """
    from pytest_leakguard.diagnosis.walk import referents_of  # only what has grown pays for it

    first, *rest = candidate.way
    root = candidate.root
    obj: object = sys.modules.get(root) if root else None
    if obj is None and root == "" and len(rest) >= 2:
        found = [(name, one) for name, one in places.items() if identity_of(one) == rest[1]]
        (root, obj), first, rest = (found or [("", None)])[0], rest[1], rest[2:]
    if obj is None or identity_of(obj) != first:
        return None
    chain = [obj]
    for identity in rest:
        obj = next((one for one in referents_of(obj) if identity_of(one) == identity), None)
        if obj is None:
            return None
        chain.append(obj)
    return route_along(root, chain, of_place=candidate.root == "")


@final
class Watched:
    """A holder under watch: the way to it, and nothing of it that would keep it alive.

    Args:
        route: The way to the container.
        places: Called for the named places, where the way may begin.
        began_after: The last test before the growth was seen.
        before: How many items it had then.
        named: What a look calls it; ``None`` if no look has met it.

    Attributes:
        route: The way to the container.
        retrials: What came of running tests again that make it grow.
    """

    def __init__(
        self,
        route: Route,
        places: Callable[[], Mapping[str, object]],
        began_after: str,
        before: int,
        named: Candidate | None = None,
    ) -> None:
        self.named = named
        self.route = route
        self._places = places
        self._began_after = began_after
        self._before = before
        self._last = self.amount()
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

    @property
    def container(self) -> object | None:
        """The container that the way leads to now; ``None`` if there is none."""
        return self.route.end(self._places)

    @property
    def has_grown(self) -> bool:
        """Whether it has more items than when the last test was over."""
        return self.amount() > self._last

    @property
    def is_idle(self) -> bool:
        """Whether it has not grown for many tests, and is no leak: it may be forgotten."""
        return self._idle >= _IDLE_TESTS and not self.retrials.confirmed

    def amount(self) -> int:
        """Return how many items it has now; 0 where there is none any more."""
        container = self.container
        length: Callable[[Any], int] | None = sized(container)  # Any: each takes its own kind
        return 0 if length is None else length(container)

    def bound(self) -> str:
        """Say what keeps it from growing for ever, as far as a look has found out."""
        return "" if self.named is None else self.named.bound

    def roots(self) -> Mapping[str, object]:
        """Return what leads a check to it by a name of its own."""
        return {_SUSPECT: self.container}

    def is_accused(self, result: Result) -> bool:
        """Tell whether a verdict is about it."""
        return self.finding(result) is not None

    def finding(self, result: Result) -> Finding | None:
        """Return what the check has found of it; ``None`` if it has found nothing."""
        names = {_SUSPECT, self.route.name, "" if self.named is None else self.named.holder}
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
        """Whether tests that make it grow should be run again."""
        return self._is_suspect and self.retrials.is_open

    def wants(self, file: str) -> bool:
        """Tell whether a test of a file that makes it grow should be run again."""
        return self._is_suspect and self.retrials.wants(file)

    def _name(self) -> str:
        """Return its name as the check has it, as a look has it, or as the way to it is written."""
        if self.retrials.finding is not None:
            return self.retrials.finding.holder
        return self.route.name if self.named is None else self.named.holder

    def _unasked(self) -> str:
        asks = self.wants_confirmation and not self.retrials.confirmed
        return "unproven, none of its tests was run again" if asks else ""

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
            type=type_name(self.container) if self.named is None else self.named.type,
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
            acquitted=self.retrials.acquitted or self._unasked(),
            advice=advice_of(self.retrials.finding),
        )


def _is_to_blame(counts: array[int]) -> bool:
    """Tell whether nearly each of the latest tests of a file has added something."""
    latest = min(counts[0] // 2, 16)
    added = (counts[2] & ((1 << latest) - 1)).bit_count()
    return counts[0] >= 2 * _LEAST_OF_FILE and added >= _MOST_OF_THEM * latest
