"""Does a holder that grew from test to test grow by the same test once more?

A cache that each test asks for something else grows as steadily as a list that is never emptied.
Run again, the one adds nothing. Some of the tests that make a suspected holder grow are therefore
run twice more, in a forked child, which is not heard of otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import final

import pytest

from pytest_leakguard.forkable import Obstacles
from pytest_leakguard.isolate import Announce, Limits, run_in_child
from pytest_leakguard.model import Result
from pytest_leakguard.monitor.holders import HolderSearch
from pytest_leakguard.monitor.watch import Watched
from pytest_leakguard.plugin import markers
from pytest_leakguard.plugin.gate import Gate, Settle
from pytest_leakguard.plugin.harness import harness_of
from pytest_leakguard.plugin.rerun import RerunnableItem, Timeouts, doctest_globals
from pytest_leakguard.plugin.scopes import Fixtures
from pytest_leakguard.runner import BrokenRunError, Subject
from pytest_leakguard.settings import Settings

#: How often a test is run again.
_RUNS = 2


@final
class Confirmation:
    """Runs tests again that make suspected holders grow.

    Args:
        config: The session's configuration.
        searches: Called for the search for holders; ``None`` while none is on.
    """

    def __init__(self, config: pytest.Config, searches: Callable[[], HolderSearch | None]) -> None:
        self._searches = searches
        self._timeouts = Timeouts(config)
        self._obstacles = Obstacles(harness_of(config))

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, settings: object) -> None:
        """Remember a time-out, so that each further run is given the same."""
        self._timeouts.settings = settings

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Have a test that may make a suspected holder grow run again once it has passed."""
        holders = self._searches()
        if holders is None or not holders.has_suspects or _is_judged(item):
            return (yield)
        globs = doctest_globals(item)
        try:
            with Gate(item, lambda gate: self._confirm(item, gate, holders, globs), _nothing):
                return (yield)
        finally:
            self._timeouts.settings = None

    def _confirm(
        self,
        item: pytest.Item,
        gate: Gate,
        holders: HolderSearch,
        globs: dict[str, object] | None,
    ) -> Settle:
        if suspects := holders.suspects():
            series: Mapping[str, tuple[int, ...]] = {}
            if not self._obstacles.first():
                subject = RerunnableItem(item, gate, Fixtures(), self._timeouts, globs)
                limits = Limits.of(Settings(), gate.own_seconds)
                with subject.session():
                    series = run_in_child(partial(_run_again, subject, suspects), limits).series
            for number, suspect in enumerate(suspects):
                suspect.judge(item.nodeid, series.get(str(number), ()))
        return lambda _: None


def _is_judged(item: pytest.Item) -> bool:
    """Tell whether a test is run again as it is, or must not be."""
    marked = any(map(item.get_closest_marker, markers.NAMES))
    return marked or bool(item.config.getoption("trace", False))


def _run_again(subject: Subject, suspects: Sequence[Watched], announce: Announce) -> Result:
    """Run a test again and count what each run adds, in a process of its own."""
    announced = announce(subject)
    lengths = [[suspect.length()] for suspect in suspects]
    try:
        for _ in range(_RUNS):
            announced.run()
            for known, suspect in zip(lengths, suspects, strict=True):
                known.append(suspect.length())
    except BrokenRunError as broken:
        return Result(verdict="inconclusive", reason=str(broken))
    series = {
        str(number): tuple(b - a for a, b in pairwise(known))
        for number, known in enumerate(lengths)
    }
    return Result(verdict="clean", series=series)


def _nothing() -> None:
    """Nothing is held that the end of a file would have to wait for."""
