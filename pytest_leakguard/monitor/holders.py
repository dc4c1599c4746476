"""Which holders go on growing while the tests of a session run, and by which tests?

What is near to the tests is looked at in this process, which takes some milliseconds: the
containers of the user's own modules and of what they use. All others are found by looks at the
whole heap, in copies of the process. What has grown is watched from then on, test by test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import final

from pytest_leakguard.clock import now
from pytest_leakguard.counters.containers import length_of_kind
from pytest_leakguard.counters.nearby import Neighbourhood, choose, package_of
from pytest_leakguard.identity import identity_of
from pytest_leakguard.monitor.copies import SHARED_BYTES, Copy, obstacle
from pytest_leakguard.monitor.looks import Look
from pytest_leakguard.monitor.ration import Ration
from pytest_leakguard.monitor.routes import Route, routes_to
from pytest_leakguard.monitor.watch import Watched, follow
from pytest_leakguard.monitored import Growing
from pytest_leakguard.shared import handles_children

#: Share of the elapsed time for all looks, and what those near to the tests may take before any has
#: come together, in seconds: twice their usual time.
_SHARE, _NEAR_CREDIT = 0.0025, 0.015
#: The first tests after which the near containers are looked at, how much later the next time is,
#: and after how many tests it is seen which have grown.
_FIRST_NEAR, _NEAR_FACTOR, _NEAR_TESTS = 4, 8, 8
#: Items that a near container has to gain in these to be watched.
_NEAR_GAINED = 2
#: Containers that are taken of a place such as a fixture's value at most, and objects met for them.
_OF_PLACE, _MET_OF_PLACE = 100, 600
#: The same of looks at the whole heap: the first, and shares of all tests for the others.
_FIRST_LOOK = 16
_LATER_LOOKS = (0.125, 0.25, 0.5, 0.75)
#: How much more a copy costs than making it: what is written meanwhile has to be copied by pages.
_COPY_FACTOR = 2
#: What the first copy, and a look at the near containers, are taken to cost, in seconds.
_FIRST_COPY_SECONDS, _FIRST_NEAR_SECONDS = 0.004, 0.004
#: Holders that are watched at once, and that are remembered.
_MOST_WATCHED, _MOST_ENDED = 32, 100


@final
class HolderSearch:
    """Looks for holders that grow, and watches them.

    Args:
        places: Called for named places where holders may live, such as the values of fixtures.

    Attributes:
        notes: What could not be looked at, and why.
    """

    def __init__(self, places: Callable[[], Mapping[str, object]]) -> None:
        self._places = places
        self._ration = Ration(_SHARE, _NEAR_CREDIT)
        self._watching: list[Watched] = []
        self._ended: list[Growing] = []
        self._decided: set[Route] = set()
        self._near: dict[int, int] = {}  # how many items each had, by its identity
        self._near_seconds = _FIRST_NEAR_SECONDS
        self._near_due, self._near_over = _FIRST_NEAR, 0
        self._near_after = ""
        self._copy: Copy | None = None
        self._copy_seconds = _FIRST_COPY_SECONDS
        self._copies_due: list[int] = []
        self._copy_after = ""
        self._next = 0
        self._looks = 0
        self._latest: bytes | None = None
        self.notes: list[str] = []

    @property
    def spent_seconds(self) -> float:
        """What it has cost so far, in seconds."""
        return self._ration.spent

    def open(self, tests: int) -> None:
        """Begin.

        Args:
            tests: How many tests are going to run, as far as is known.
        """
        if why := obstacle():
            self.notes.append(f"holders far from the tests were not looked for: {why}")
        else:
            self._copies_due = sorted(
                {_FIRST_LOOK, *(int(tests * part) for part in _LATER_LOOKS)} - {0}
            )

    def note(self, test: str, file: str, runs: int) -> int:
        """Note that a test is over.

        Args:
            test: Its node id.
            file: Its file.
            runs: How often it ran.

        Returns:
            How many items one run of it has added to the holders under watch.
        """
        if not self._watching:
            return 0
        gained = sum(max(one.note(test, file, runs), 0) for one in self._watching)
        for one in [one for one in self._watching if one.is_idle or one.retrials.is_decided]:
            self._end(one, told=one.retrials.is_decided)
        return gained

    def search(
        self,
        tests: int,
        test: str,
        elapsed_seconds: float,
        neighbourhood: Callable[[], Neighbourhood],
    ) -> bool:
        """Go on looking, as far as time allows.

        Args:
            tests: How many tests are over.
            test: The last of them.
            elapsed_seconds: Time since the session began.
            neighbourhood: Returns where the containers near to that test are.

        Returns:
            Whether anything was done.
        """
        if tests < self._next and self._copy is None:
            return False
        spent = self._ration.spent
        if self._near_over:
            if tests >= self._near_over:
                self._compare_near(neighbourhood())
        elif tests >= self._near_due and self._ration.affords(self._near_seconds, elapsed_seconds):
            self._look_near(tests, test, neighbourhood())
        if self._copy is not None:
            self._hear()
        elif self._copies_due and tests >= self._copies_due[0]:
            cost = self._copy_seconds * _COPY_FACTOR
            if self._ration.affords(cost + _NEAR_CREDIT, elapsed_seconds):
                self._look_far(tests, test)
        self._next = self._next_after(tests)
        return self._ration.spent != spent

    def _next_after(self, tests: int) -> int:
        """Return after which test there may be something to do again."""
        due = [self._near_over or self._near_due, *self._copies_due[:1]]
        return max(min(due), tests + 1)

    # Near

    def _look_near(self, tests: int, test: str, neighbourhood: Neighbourhood) -> None:
        began = now()
        self._near = {
            identity_of(one): length(one)
            for one in self._near_containers(neighbourhood)
            if (length := length_of_kind(type(one))) is not None
        }
        self._near_after = test
        self._near_over = tests + _NEAR_TESTS
        self._near_due = max(self._near_due * _NEAR_FACTOR, tests * 2)
        self._near_seconds = now() - began
        self._ration.spent += self._near_seconds

    def _near_containers(self, neighbourhood: Neighbourhood) -> Iterator[object]:
        own, foreign = neighbourhood.own, neighbourhood.foreign
        for roots in (neighbourhood.near(), neighbourhood.far()):
            yield from choose(roots, own, foreign)
        for value in self._places().values():
            if not foreign(package_of(type(value))):  # what runs the tests has its own fixtures
                yield from choose([value], own, foreign, _OF_PLACE, _MET_OF_PLACE)

    def _compare_near(self, neighbourhood: Neighbourhood) -> None:
        """Watch what has grown: met anew, since nothing is held meanwhile."""
        began = now()
        grown: dict[int, int] = {}
        for one in self._near_containers(neighbourhood):
            # An address that was used anew is watched for nothing.
            before = self._near.get(identity_of(one))
            length = length_of_kind(type(one))
            if before is not None and length is not None and length(one) - before >= _NEAR_GAINED:
                grown[identity_of(one)] = before
        self._near, self._near_over = {}, 0
        known = {identity_of(one.container) for one in self._watching}
        if new := [identity for identity in grown if identity not in known]:
            self._watch_near(new, grown, neighbourhood)
        self._ration.spent += now() - began

    def _watch_near(
        self, new: Sequence[int], grown: Mapping[int, int], neighbourhood: Neighbourhood
    ) -> None:
        namespaces = [identity_of(one) for one in (*neighbourhood.near(), *neighbourhood.far())]
        loaded: dict[str, object] = {**sys.modules}  # tests put all kinds of things there
        names = {
            identity_of(vars(module)): name
            for name, module in loaded.items()
            if isinstance(module, ModuleType)
        }
        modules = [names[one] for one in dict.fromkeys(namespaces) if one in names]
        routes = routes_to(new, modules, self._places(), neighbourhood.own, neighbourhood.foreign)
        for identity, route in routes.items():
            if len(self._watching) < _MOST_WATCHED and route not in self._decided:
                before = grown[identity]
                self._watching.append(Watched(route, self._places, self._near_after, before))

    # Far

    def _look_far(self, tests: int, test: str) -> None:
        if handles_children():  # by now
            self._copies_due = []
            return
        earlier, places = self._latest, self._places
        self._copies_due = [one for one in self._copies_due if one > tests]
        try:
            self._copy = Copy(lambda: _look(places, tests, earlier))
        except OSError as error:
            self._copies_due = []
            self.notes.append(f"holders far from the tests were not looked for: {error}")
            return
        self._copy_after = test
        self._copy_seconds = self._copy.cost_seconds
        self._ration.spent += self._copy_seconds * _COPY_FACTOR

    def _hear(self) -> None:
        """Take in what a copy has found, if it has."""
        if self._copy is None:
            return
        began = now()
        try:
            found = self._copy.answer()
        except OSError as error:
            self.notes.append(f"a look for holders failed: {error}")
        else:
            if found is None:
                return
            self._latest = found
            self._looks += 1
            heard = Look.from_bytes(found)
            self._take_in(heard)
        self._copy.close()
        self._copy = None
        self._ration.spent += now() - began

    def _take_in(self, found: Look) -> None:
        known = {identity_of(one.container): one for one in self._watching}
        places = self._places()
        for candidate in found.candidates:
            watched = known.get(candidate.way[-1])
            if watched is not None:
                watched.named = watched.named or candidate
            elif len(self._watching) < _MOST_WATCHED:
                route = follow(candidate, places)
                if route is not None and route not in self._decided:
                    after, before = self._copy_after, candidate.before
                    self._watching.append(Watched(route, self._places, after, before, candidate))

    # Suspects

    def suspects(self, file: str) -> list[Watched]:
        """Return the holders in question for which a test of a file should be run again."""
        return [one for one in self._watching if one.wants(file)]

    # The end

    def leave(self, value: object, *, told: bool) -> None:
        """Let go of holders that hang on the value of a place that is about to end.

        Args:
            value: The value.
            told: Whether they have been there all the time, so that their growth counts.
        """
        ending = {name for name, one in self._places().items() if one is value}
        for one in [*self._watching]:
            if one.route.of_place and one.route.root in ending:
                self._end(one, told=told)

    def leave_containers(self, containers: Sequence[object]) -> None:
        """Let go of holders that end now, with what has made them: their growth does not count."""
        ending = set(map(identity_of, containers))
        for one in [one for one in self._watching if identity_of(one.container) in ending]:
            self._end(one, told=False)

    def _end(self, one: Watched, *, told: bool) -> None:
        self._watching.remove(one)
        if one.retrials.is_decided:
            self._decided.add(one.route)
        if told and len(self._ended) < _MOST_ENDED:
            self._ended.append(one.found())

    @property
    def copy_bytes(self) -> int:
        """Size of the memory that is shared with a copy at work, in bytes; 0 without one."""
        return 0 if self._copy is None else SHARED_BYTES

    def abandon(self) -> None:
        """Stop."""
        if self._copy is not None:
            self._copy.close()
            self._copy = None
        self._watching.clear()
        self._near.clear()

    def close(self) -> tuple[Growing, ...]:
        """Stop, and return what went on growing: what counts first."""
        self._hear()
        if self._copies_due:
            self.notes.append(
                f"looks at the whole heap: {self._looks} of"
                f" {self._looks + len(self._copies_due)}, as time allowed"
            )
        found = [*self._ended, *(one.found() for one in self._watching)]
        self.abandon()
        return tuple(
            sorted(
                (one for one in found if one.tests),
                key=lambda one: (not one.steady, bool(one.bound or one.acquitted), -one.gained),
            )
        )

    def name_suspects(self) -> None:
        """Have the name for each holder in question by which the check knows it, in a child."""
        from pytest_leakguard.monitor.look import name_holders

        nameless = [one for one in self._watching if one.wants_confirmation and one.named is None]
        containers = {identity_of(one.container): one for one in nameless}
        found = name_holders(self._places, [one.container for one in nameless], far=True)
        for identity, one in containers.items():
            one.named = found.get(identity)


def _look(places: Callable[[], Mapping[str, object]], tests: int, earlier: bytes | None) -> bytes:
    # Imported in the copy: it costs the session nothing there.
    from pytest_leakguard.monitor.look import look

    return look(places, tests, earlier)
