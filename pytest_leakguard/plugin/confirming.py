"""Does a holder that grew from test to test grow by the same test once more?

A cache that each test asks for something else grows as steadily as a list that is never emptied.
Run again, the one adds nothing. Some of the tests that make a suspected holder grow are therefore
run twice more, in a forked child, which is not heard of otherwise.
"""

from __future__ import annotations

import gc
import os
import stat
from array import array
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import pairwise
from typing import final

import pytest

from pytest_leakguard.clock import now
from pytest_leakguard.forkable import CAN_COPY, Obstacles
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

#: How often a test is run again; and at most, if it adds each time, to see whether that ends.
_RUNS, _MORE_RUNS, _MORE_SECONDS = 6, 2_100, 3.0
#: What these runs may take in all, in seconds and as a share of the elapsed time; and one try.
_CREDIT_SECONDS, _SHARE = 2.0, 0.02
_LEAST_LIMIT_SECONDS, _SLOWER = 2.0, 10
#: How a file was opened that can be written.
_WRITABLE = os.O_WRONLY | os.O_RDWR


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
        self._began = now()
        self.spent_seconds = 0.0

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
        suspects = holders.suspects()
        begun = now()
        expected = gate.own_seconds * _RUNS
        allowed = _CREDIT_SECONDS + _SHARE * (begun - self._began)
        if suspects and self.spent_seconds + expected <= allowed:
            series: Mapping[str, tuple[int, ...]] = {}
            if CAN_COPY and not (_writes_a_file() or self._obstacles.first()):
                subject = RerunnableItem(item, gate, Fixtures(), self._timeouts, globs)
                seconds = max(_LEAST_LIMIT_SECONDS, _SLOWER * gate.own_seconds)
                limits = Limits(execution=seconds, between=seconds + _MORE_SECONDS)
                with subject.session():
                    series = run_in_child(partial(_run_again, subject, suspects), limits).series
            for number, suspect in enumerate(suspects):
                suspect.judge(item.nodeid, series.get(str(number), ()))
            self.spent_seconds += now() - begun
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
            gc.collect()
            for known, suspect in zip(lengths, suspects, strict=True):
                known.append(suspect.length())
        goes_on = _goes_on(announced, suspects) if any(map(_adds_again, lengths)) else ()
    except BrokenRunError as broken:
        return Result(verdict="inconclusive", reason=str(broken))
    gains = [[b - a for a, b in pairwise(known)] for known in lengths]
    for known, gain in zip(gains, goes_on, strict=False):
        known.append(gain)
    series = {str(number): tuple(known) for number, known in enumerate(gains)}
    return Result(verdict="clean", series=series)


def _adds_again(lengths: Sequence[int]) -> bool:
    return any(later > earlier for earlier, later in pairwise(lengths))


def _goes_on(subject: Subject, suspects: Sequence[Watched]) -> list[int]:
    """Tell by many more runs whether growth goes on: 1, or -1 if a bound was come to.

    It does if a holder never has as few items in the last quarter as it once had in the second.
    """
    deadline = now() + _MORE_SECONDS
    lengths = [array("q") for _ in suspects]
    while len(lengths[0]) < _MORE_RUNS and (now() < deadline or len(lengths[0]) < _RUNS):
        subject.run()
        for known, suspect in zip(lengths, suspects, strict=True):
            known.append(suspect.length())
    quarter = max(len(lengths[0]) // 4, 1)
    return [
        1 if min(known[-quarter:]) > max(known[quarter : 2 * quarter]) else -1 for known in lengths
    ]


def _writes_a_file() -> bool:
    """Tell whether a file is open for writing that a child would write to as well."""
    standard = set()
    for number in range(3):
        with suppress(OSError):
            standard.add(_identity(number))
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError, ValueError, StopIteration):
            number = int(name)
            status = os.fstat(number)
            if not stat.S_ISREG(status.st_mode) or not status.st_nlink:  # pytest's own have no name
                continue
            with open(f"/proc/self/fdinfo/{number}", encoding="ascii") as lines:
                flags = int(next(line for line in lines if line.startswith("flags:")).split()[1], 8)
            if flags & _WRITABLE and _identity(number) not in standard:
                return True
    return False


def _identity(number: int) -> tuple[int, int]:
    status = os.fstat(number)
    return status.st_dev, status.st_ino


def _nothing() -> None:
    """Nothing is held that the end of a file would have to wait for."""
