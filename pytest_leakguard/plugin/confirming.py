"""Does what grew from test to test grow by the same test once more? Asked of a forked child.

Some of the tests that make a suspect grow are run again there, and judged if they add to it each
time. The session does not hear of it otherwise: such a child ends before it changes anything
outside of its own memory and of one directory.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import final

import pytest

from pytest_leakguard.clock import now
from pytest_leakguard.forkable import CAN_COPY, Harness, Obstacles
from pytest_leakguard.isolate import Limits, Parent, run_in_child
from pytest_leakguard.model import Result
from pytest_leakguard.monitor.process import ProcessMonitor
from pytest_leakguard.monitor.quantities import Quantity
from pytest_leakguard.monitor.retrials import Suspect
from pytest_leakguard.plugin import markers
from pytest_leakguard.plugin.bookkeeping import keepers, without_bookkeeping
from pytest_leakguard.plugin.gate import Gate, Settle
from pytest_leakguard.plugin.harness import harness_of
from pytest_leakguard.plugin.neighbours import Neighbours
from pytest_leakguard.plugin.rerun import RerunnableItem, Timeouts, doctest_globals
from pytest_leakguard.plugin.scopes import Fixtures
from pytest_leakguard.plugin.temporary import elsewhere, own_directory
from pytest_leakguard.runner import Subject
from pytest_leakguard.settings import Settings

#: How often a test is run again before it is known whether it is to be judged: for a suspect, one
#: in three times of which is enough, and without a suspicion.
_RUNS, _SPOT_RUNS = 6, 3
#: What these runs may take in all, in seconds and as a share of the elapsed time; and one run.
_CREDIT_SECONDS, _SHARE = 2.0, 0.01
_LEAST_LIMIT_SECONDS, _SLOWER = 2.0, 20
#: For how long a test is run again to judge it, and how much longer a verdict may take, in seconds.
_CONFIRM_SECONDS, _VERDICT_SECONDS = 3.0, 30.0
#: How a file was opened that can be written.
_WRITABLE = os.O_WRONLY | os.O_RDWR


@final
class Confirmation:
    """Runs tests again that make suspects grow.

    Args:
        config: The session's configuration.
        fixtures: Those wider than a function that are set up.
        monitors: Called for the monitor of this process; ``None`` while it is not on.
    """

    def __init__(
        self,
        config: pytest.Config,
        fixtures: Fixtures,
        monitors: Callable[[], ProcessMonitor | None],
    ) -> None:
        self._fixtures = fixtures
        self._monitors = monitors
        self._timeouts = Timeouts(config)
        self._harness = harness_of(config)
        self._obstacles = Obstacles(self._harness)
        self._began = now()

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, settings: object) -> None:
        """Remember a time-out, so that each further run is given the same."""
        self._timeouts.settings = settings

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Have a test that may make a suspect grow run again once it has passed."""
        monitor = self._monitors()
        if monitor is None or not monitor.has_questions or _is_judged(item):
            return (yield)
        globs = doctest_globals(item)
        try:
            with Gate(item, lambda gate: self._confirm(item, gate, monitor, globs), _nothing):
                return (yield)
        finally:
            self._timeouts.settings = None

    def _confirm(
        self,
        item: pytest.Item,
        gate: Gate,
        monitor: ProcessMonitor,
        globs: dict[str, object] | None,
    ) -> Settle:
        begun = now()
        own = gate.own_seconds
        allowed = _CREDIT_SECONDS + _SHARE * (begun - self._began)
        suspects = monitor.suspects() if monitor.rerun_seconds + own * _RUNS <= allowed else []
        if suspects:
            self._ask(item, gate, monitor, globs, suspects)
            monitor.rerun_seconds += now() - begun
        elif monitor.spots.affords(monitor.elapsed_seconds, own * _SPOT_RUNS):
            memory = monitor.spots.suspects()
            self._ask(item, gate, monitor, globs, memory, runs=_SPOT_RUNS)
            monitor.spots.take(item.nodeid, memory, now() - begun)
        return lambda _: None

    def _ask(  # noqa: PLR0913, PLR0917  # what belongs to the test
        self,
        item: pytest.Item,
        gate: Gate,
        monitor: ProcessMonitor,
        globs: dict[str, object] | None,
        suspects: Sequence[Suspect],
        runs: int = _RUNS,
    ) -> None:
        """Have a test run again, and note what that says of each suspect."""
        from pytest_leakguard.monitor.retrial import heard

        if refusal := self._refusal(suspects):
            result = Result(verdict="unchecked", reason=refusal)
        else:
            subject = RerunnableItem(item, gate, self._fixtures, self._timeouts, globs)
            seconds = max(_LEAST_LIMIT_SECONDS, _SLOWER * gate.own_seconds)
            between = seconds + _CONFIRM_SECONDS + _VERDICT_SECONDS
            limits = Limits(execution=seconds, between=between)
            try:
                with own_directory(item.config) as directory, subject.session():
                    trial = _Trial(item, monitor, self._fixtures, self._harness, directory)
                    result = run_in_child(partial(trial.run, subject, suspects, runs), limits)
            except OSError as error:  # no descriptor is left, or no memory
                result = Result(verdict="unchecked", reason=str(error))
        for number, suspect in enumerate(suspects):
            suspect.retrials.take(item.nodeid, heard(result, number))
        monitor.reruns += 1

    def _refusal(self, suspects: Sequence[Suspect]) -> str:
        """Say why no test can be run again now; empty if one can."""
        if not CAN_COPY:
            return "this platform copies no processes"
        # Threads that were left behind are what is asked about, and end with a fork.
        of_threads = all(isinstance(one, Quantity) and one.name == "threads" for one in suspects)
        return _open_for_writing() or self._obstacles.first(but_threads=of_threads)


@final
@dataclass(frozen=True, slots=True)
class _Trial:
    """A test in the child in which it is run again."""

    item: pytest.Item
    monitor: ProcessMonitor
    fixtures: Fixtures
    harness: Harness
    directory: str

    def run(
        self, subject: Subject, suspects: Sequence[Suspect], runs: int, parent: Parent
    ) -> Result:
        """Run it again and have it judged if it has to be, behind a fence."""
        from pytest_leakguard.fence import Fence
        from pytest_leakguard.monitor.retrial import run_again

        sys.dont_write_bytecode = True
        tempfile.tempdir = self.directory
        elsewhere(self.item.config, self.directory)
        fence = Fence(self.directory, partial(_refused, parent))
        fenced = fence.around(parent.told_of(subject))
        try:
            return run_again(fenced, suspects, self._judged, runs=runs)
        except BaseException as error:  # what ends a session when a test raises it again
            return Result(verdict="unchecked", reason=f"the test raised {type(error).__name__}")

    def _judged(self, subject: Subject, roots: Mapping[str, object]) -> Result:
        """Judge it as if its author had asked for it."""
        from pytest_leakguard.api import Checker

        self.monitor.holders.name_suspects()
        checker = Checker(
            extra_roots=lambda: {**self.fixtures.values(), **roots},
            kept_files=re.compile(re.escape(self.directory)),
            harness=self.harness,
        )
        neighbourhood = Neighbours().of(self.item, self.fixtures.values())
        settings = Settings(confirm=_CONFIRM_SECONDS)
        result = checker.check(subject, settings, neighbourhood=neighbourhood)
        result = without_bookkeeping(result, keepers(self.item.config))
        names = self.fixtures.names
        findings = tuple(finding.with_fixtures(names) for finding in result.findings)
        return Result(
            verdict=result.verdict, reason=result.reason, growth=result.growth, findings=findings
        )


def _refused(parent: Parent, what: str) -> None:
    parent.left_with(Result(verdict="unchecked", reason=f"the test {what}"))


def _is_judged(item: pytest.Item) -> bool:
    """Tell whether a test is run again as it is, or must not be."""
    marked = any(map(item.get_closest_marker, markers.NAMES))
    return marked or bool(item.config.getoption("trace", False))


def _open_for_writing() -> str:
    """Say whether a file is open for writing that a child would write to as well."""
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
                return f"{os.readlink(f'/proc/self/fd/{number}')} is open for writing"
    return ""


def _identity(number: int) -> tuple[int, int]:
    status = os.fstat(number)
    return status.st_dev, status.st_ino


def _nothing() -> None:
    """Nothing is held that the end of a file would have to wait for."""
