"""Does what grew from test to test grow by the same test once more? Asked of a forked child.

Some of the tests that make a suspect grow are run again there, and judged if they add to it each
time. The session does not hear of it otherwise: such a child ends before it changes anything
outside of its own memory and of one directory.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import pytest

from pytest_leakguard.child import Parent
from pytest_leakguard.clock import now
from pytest_leakguard.forkable import CAN_COPY, Harness, Obstacles
from pytest_leakguard.isolate import Limits, run_in_child
from pytest_leakguard.model import Result
from pytest_leakguard.monitor.process import ProcessMonitor
from pytest_leakguard.monitor.quantities import Quantity
from pytest_leakguard.monitor.suspects import Suspect
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
from pytest_leakguard.shared import Shared, identity_of_file, standard_files

#: How often a test is run again before it is known whether it is to be judged: for a suspect, one
#: in three times of which is enough, and without a suspicion.
_RUNS, _SPOT_RUNS = 6, 3
#: What these runs may take in all, in seconds and as a share of the elapsed time; and one run.
_CREDIT_SECONDS, _SHARE = 2.0, 0.01
_LEAST_LIMIT_SECONDS, _SLOWER = 2.0, 20
#: For how long a test is run again to judge it; what that may take in all, in seconds and as a
#: share of the elapsed time; and how many tests are judged, whose time counts only as that of runs.
_CONFIRM_SECONDS = 3.0
_VERDICT_SECONDS, _VERDICT_SHARE, _MOST_JUDGED = 8.0, 0.1, 8


@final
@dataclass(frozen=True, slots=True)
class _Case:
    """A test that has passed and may be run again."""

    item: pytest.Item
    gate: Gate
    monitor: ProcessMonitor
    globs: dict[str, object] | None


@final
class Confirmation:
    """Runs tests again that make suspects grow.

    Args:
        config: The session's configuration.
        fixtures: Those wider than a function that are set up.
        shared: Looks for what a child would change for the session.
        monitors: Called for the monitor of this process; ``None`` while it is not on.
    """

    def __init__(
        self,
        config: pytest.Config,
        fixtures: Fixtures,
        shared: Shared,
        monitors: Callable[[], ProcessMonitor | None],
    ) -> None:
        self._fixtures = fixtures
        self._shared = shared
        self._monitors = monitors
        self._timeouts = Timeouts(config)
        self._harness = harness_of(config)
        self._obstacles = Obstacles(self._harness)
        self._began = now()
        self._spent = 0.0
        self._judged = 0

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, settings: object) -> None:
        """Remember a time-out, so that each further run is given the same."""
        self._timeouts.settings = settings

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Have a test that may make a suspect grow run again once it has passed."""
        monitor = self._monitors()
        if monitor is None or not monitor.has_questions(_file_of(item)) or _is_judged(item):
            return (yield)
        globs = doctest_globals(item)
        try:
            with Gate(
                item, lambda gate: self._confirm(_Case(item, gate, monitor, globs)), _nothing
            ):
                return (yield)
        finally:
            self._timeouts.settings = None

    def _confirm(self, case: _Case) -> Settle:
        item, gate, monitor = case.item, case.gate, case.monitor
        begun = now()
        own = gate.own_seconds
        allowed = _CREDIT_SECONDS + _SHARE * (begun - self._began)
        affords = self._spent + own * _RUNS <= allowed and self._judged < _MOST_JUDGED
        if affords and (suspects := monitor.suspects(_file_of(item))):
            self._ask(case, suspects, _RUNS)
            took = now() - begun
            monitor.rerun_seconds += took
            judged = any(one.retrials.was_judged for one in suspects)
            self._judged += judged
            self._spent += own * _RUNS if judged else took
        elif monitor.spots.affords(monitor.elapsed_seconds, own * _SPOT_RUNS):
            memory = monitor.spots.suspects()
            self._ask(case, memory, _SPOT_RUNS)
            monitor.spots.take(item.nodeid, memory, now() - begun)
        return lambda _: None

    def _ask(self, case: _Case, suspects: Sequence[Suspect], runs: int) -> None:
        """Have a test run again, and note what that says of each suspect."""
        from pytest_leakguard.monitor.retrial import heard

        try:
            result = self._run_again(case, suspects, runs)
        except Exception as error:  # no descriptor is left, or what a test has patched
            result = Result(verdict="unchecked", reason=f"{type(error).__name__}: {error}")
        for number, suspect in enumerate(suspects):
            suspect.retrials.take(case.item.nodeid, heard(result, number))
        case.monitor.reruns += 1

    def _run_again(self, case: _Case, suspects: Sequence[Suspect], runs: int) -> Result:
        item, gate, monitor = case.item, case.gate, case.monitor
        if not CAN_COPY:
            return Result(verdict="unchecked", reason="this platform copies no processes")
        spared = standard_files() | _log_files(item.config)
        subject = RerunnableItem(item, gate, self._fixtures, self._timeouts, case.globs)
        seconds = max(_LEAST_LIMIT_SECONDS, _SLOWER * gate.own_seconds)
        limits = Limits(
            execution=seconds,
            between=seconds + _CONFIRM_SECONDS + _VERDICT_SECONDS,
            total=_VERDICT_SECONDS + _VERDICT_SHARE * monitor.elapsed_seconds,
        )
        with subject.session():  # in which the threads of time-outs rest
            # Threads that were left behind are what is asked about, and end with a fork.
            of_threads = all(
                isinstance(one, Quantity) and one.name == "threads" for one in suspects
            )
            ours = monitor.holders.copy_bytes
            refusal = self._obstacles.first(but_threads=of_threads)
            if refusal := refusal or self._shared.first(spared, ignored_bytes=ours):
                return Result(verdict="unchecked", reason=refusal)
            with own_directory(item.config) as directory:
                trial = _Trial(item, monitor, self._fixtures, self._harness, directory)
                return run_in_child(partial(trial.run, subject, suspects, runs), limits)


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
            look = self.monitor.holders.name_suspects
            return run_again(fenced, suspects, self._judged, runs=runs, look=look)
        except BaseException as error:  # what ends a session when a test raises it again
            return Result(verdict="unchecked", reason=f"the test raised {type(error).__name__}")

    def _judged(self, subject: Subject, roots: Mapping[str, object]) -> Result:
        """Judge it as if its author had asked for it."""
        from pytest_leakguard.api import Checker

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


def _log_files(config: pytest.Config) -> frozenset[tuple[int, int]]:
    """Return the identity of the file that pytest logs to, which is silent in re-runs."""
    plugin = config.pluginmanager.get_plugin("logging-plugin")
    stream = getattr(getattr(plugin, "log_file_handler", None), "stream", None)
    try:
        return frozenset({identity_of_file(stream.fileno())}) if stream else frozenset()
    except (AttributeError, OSError, ValueError):  # it is no file, or closed
        return frozenset()


def _is_judged(item: pytest.Item) -> bool:
    """Tell whether a test is run again as it is, or must not be."""
    marked = any(map(item.get_closest_marker, markers.NAMES))
    return marked or bool(item.config.getoption("trace", False))


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _nothing() -> None:
    """Nothing is held that the end of a file would have to wait for."""
