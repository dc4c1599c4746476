"""The fixture `leakguard`: what a test can ask from the inside, with the session's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast, final

import pytest

from pytest_leakguard.settings import Settings

if TYPE_CHECKING:
    from pytest_leakguard.inside import Measurement, RoundTrip, RoundTrips
    from pytest_leakguard.model import Result

_T = TypeVar("_T")
_answers_key = pytest.StashKey[list[object]]()


@final
class LeakGuard:
    """What a test can ask: the functions of the package, with the session's settings as defaults.

    In a re-run of the test, nothing is judged: each question has the answer of the first run.

    Args:
        settings: Those of the command line and the ini file.
        answers: What the test has asked in its first run, in that order; is added to there.
        again: This is a re-run.
    """

    def __init__(self, settings: Settings, answers: list[object], *, again: bool) -> None:
        # The test itself is soaked, if it is: a question inside it only by its own keyword.
        self._settings = replace(settings, isolate=False, duration=None, workers=1)
        self._answers = answers
        self._earlier = iter(tuple(answers) if again else ())
        self._again = again

    def _ask(self, ask: Callable[[], _T]) -> _T:
        __tracebackhide__ = True
        for answer in self._earlier:
            return cast("_T", answer)
        answer = ask()
        if not self._again:
            self._answers.append(answer)
        return answer

    def check(self, function: Callable[[], object], **settings: object) -> Result:
        """Check whether a callable leaks, as :func:`pytest_leakguard.check`; fails by nothing."""
        __tracebackhide__ = True
        from pytest_leakguard.api import check_with
        from pytest_leakguard.heap import is_in_use
        from pytest_leakguard.inside.caller import read_settings

        read = read_settings(settings, self._settings)
        if is_in_use():
            function()
        return self._ask(lambda: check_with(function, read))

    def round_trips(self, **settings: object) -> RoundTrips:
        """Judge the body of a ``for`` loop, as :func:`pytest_leakguard.round_trips`."""
        __tracebackhide__ = True
        from pytest_leakguard.inside import RoundTrips
        from pytest_leakguard.inside.caller import read_settings

        read = read_settings(settings, self._settings)
        return self._ask(lambda: RoundTrips(read))

    def round_trip(self, **limits: object) -> RoundTrip:
        """Tell what a ``with`` block leaves reachable, as :func:`pytest_leakguard.round_trip`."""
        __tracebackhide__ = True
        from pytest_leakguard.inside import RoundTrip
        from pytest_leakguard.inside.block import read_limits

        read = read_limits(limits)
        return self._ask(lambda: RoundTrip(read))

    def measure(self) -> Measurement:
        """Measure a ``with`` block, as :func:`pytest_leakguard.measure`."""
        __tracebackhide__ = True
        from pytest_leakguard.inside import Measurement

        return self._ask(Measurement)

    def assert_collected(self, obj: object) -> None:
        """Assert that nothing holds an object, as :func:`pytest_leakguard.assert_collected`."""
        __tracebackhide__ = True
        from pytest_leakguard.inside import assert_collected

        assert_collected(obj)

    def survivors(self, kind: type[_T]) -> list[_T]:
        """Return the living instances of a type, as :func:`pytest_leakguard.survivors`."""
        from pytest_leakguard.inside import survivors

        return survivors(kind)

    def close(self) -> None:
        """End what a test has left early."""
        for answer in self._answers:
            if close := getattr(answer, "close", None):
                close()


@pytest.fixture
def leakguard(request: pytest.FixtureRequest) -> Iterator[LeakGuard]:
    """Ask from inside a test whether a loop, a block, a callable or an object leaks."""
    from pytest_leakguard.plugin import options_of
    from pytest_leakguard.plugin.rerun import rerun_key

    stash = request.node.stash
    again = stash.get(rerun_key, False)
    if not again:
        stash[_answers_key] = []
    guard = LeakGuard(options_of(request.config).settings, stash[_answers_key], again=again)
    yield guard
    guard.close()
