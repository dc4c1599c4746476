"""How is one pytest item run again, so that it finds and leaves what its first run did?"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from _pytest.assertion.rewrite import assertstate_key  # its hook's cache has no public limit
from _pytest.runner import runtestprotocol  # the only way to run set-up, call and tear-down

from pytest_leakguard.plugin.gate import Gate
from pytest_leakguard.plugin.quiet import flush, quiet
from pytest_leakguard.plugin.repeatable import function_of
from pytest_leakguard.plugin.scopes import Fixtures
from pytest_leakguard.runner import BrokenRunError

#: Set to True in ``item.stash`` while a test is being run again.
rerun_key = pytest.StashKey[bool]()
#: Attributes of an item that belong to one run of it.
_OF_ONE_RUN = frozenset({"funcargs", "_request", "_instance", "_obj"})
#: An ``item.execution_count`` after which pytest-rerunfailures leaves a failed run as it is.
_NO_MORE_ATTEMPTS = 1_000_000


class Timeouts:
    """Time-outs that cover a whole protocol, taken off the re-runs' time and given to each anew.

    Attributes:
        settings: What pytest-timeout last set for the current test, if it is installed.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._hook = config.hook
        faulthandler = config.pluginmanager.hasplugin("faulthandler")
        seconds = config.getini("faulthandler_timeout") if faulthandler else 0
        self._faulthandler_seconds = float(seconds or 0)
        self.settings: object = None

    @contextmanager
    def each_run(self, item: pytest.Item) -> Iterator[None]:
        """Give the run inside the time that the test's own run had."""
        # One for the test function only is set again by the plugin itself.
        whole = self.settings is not None and not getattr(self.settings, "func_only", False)
        if whole:
            self._hook.pytest_timeout_set_timer(item=item, settings=self.settings)
        try:
            yield
        finally:
            if whole:
                self._hook.pytest_timeout_cancel_timer(item=item)

    @contextmanager
    def paused(self, item: pytest.Item) -> Iterator[None]:
        """Stop the clocks of the test's own run inside; its wider tear-down gets the whole time."""
        whole = self.settings is not None and not getattr(self.settings, "func_only", False)
        if whole:
            self._hook.pytest_timeout_cancel_timer(item=item)
        if self._faulthandler_seconds > 0:
            import faulthandler

            faulthandler.cancel_dump_traceback_later()
        try:
            yield
        finally:
            if whole:
                self._hook.pytest_timeout_set_timer(item=item, settings=self.settings)


class _PytestMemory:
    """What pytest remembers for the session of each run.

    These are calls that plugins which come later are told of, and the names of modules that were
    asked for by an import.
    """

    def __init__(self, config: pytest.Config) -> None:
        callers = vars(config.pluginmanager.hook).values()
        self._histories = [
            history
            for caller in callers
            if (history := getattr(caller, "_call_history", None)) is not None
        ]
        rewriting = config.stash.get(assertstate_key, None)
        self._names: dict[str, bool] = getattr(
            getattr(rewriting, "hook", None), "_marked_for_rewrite_cache", {}
        )
        self._lengths = [len(history) for history in self._histories]
        self._known = len(self._names)

    def restore(self) -> None:
        """Drop what was added since."""
        for history, length in zip(self._histories, self._lengths, strict=True):
            if len(history) > length:
                del history[length:]
        if len(self._names) > self._known:
            for name in list(self._names)[self._known :]:  # in the order in which they came
                del self._names[name]


class RerunnableItem:
    """A test whose first run has passed, as the core runs it again."""

    def __init__(
        self, item: pytest.Item, gate: Gate, fixtures: Fixtures, timeouts: Timeouts, globs: Any
    ) -> None:
        self._item: Any = item
        self._gate = gate
        self._fixtures = fixtures
        self._timeouts = timeouts
        self._globs = globs
        self._attributes = {
            name: value for name, value in vars(item).items() if name not in _OF_ONE_RUN
        }
        self._stash = dict(self._item.stash._storage)
        self._properties = list(item.user_properties)
        self._sections = list(item._report_sections)
        self._own_markers = list(item.own_markers)
        self._keywords = dict(_markers_of(item))
        self._memory = _PytestMemory(item.config)
        self._function = function_of(item)
        self._of_hypothesis = _hypothesis_notes(self._function)

    def run(self) -> None:
        """Run the whole protocol again: set-up, call and tear-down of the item alone.

        Raises:
            BrokenRunError: The run did not pass.
        """
        self._gate.failed_on_the_side = False
        with (
            self._fixtures.keeping_finalizers(),
            _keeping_benchmarks(self._item.config),
            self._timeouts.each_run(self._item),
            warnings.catch_warnings(record=True),
        ):
            reports = runtestprotocol(self._item, log=False, nextitem=self._item.parent)
        problem = _problem(reports)
        if problem is None and self._gate.failed_on_the_side:
            problem = "a subtest failed"
        del reports
        self._restore()
        flush()  # what a stream holds back would grow with each run
        if problem is not None:
            _forget_exceptions()
            raise BrokenRunError(problem)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Be in the state of re-running: quiet, flagged, and with the item as it was afterwards."""
        item = self._item
        # Outermost, since the item keeps what cancels its time-out.
        with self._timeouts.paused(item):
            self._gate.rerunning = True
            self._end_own_run()
            try:
                with (
                    _keeping_subtests(item.config),
                    _keeping_wider(item),
                    _same_examples(),
                    quiet(item.config),
                ):
                    self._restore()
                    yield
            finally:
                self._gate.rerunning = False
                self._gate.failed_on_the_side = False
                self._restore()
                self._end_own_run()
                item.user_properties[:] = self._properties
                item._report_sections[:] = self._sections

    def _end_own_run(self) -> None:
        """Let go of the last run's fixtures and request, as pytest does after a whole protocol."""
        if hasattr(self._item, "_request"):
            self._item._request = False
            self._item.funcargs = {}

    def _restore_what_plugins_keep(self) -> None:
        """Put back what plugins note on the item and its function during a run."""
        item = self._item
        if self._of_hypothesis:  # a parametrised test's settings are based on the last run's
            vars(self._function).update(self._of_hypothesis)
        for name in [name for name in vars(item) if name not in _OF_ONE_RUN]:
            if name not in self._attributes:
                delattr(item, name)
        vars(item).update(self._attributes)
        item.stash._storage.clear()
        item.stash._storage.update(self._stash)
        if self._gate.rerunning:
            item.stash[rerun_key] = True
            if hasattr(item, "execution_count"):
                item.execution_count = _NO_MORE_ATTEMPTS

    def _restore(self) -> None:
        """Put back what a run adds to the item itself, and to pytest's memory."""
        item = self._item
        self._memory.restore()
        self._restore_what_plugins_keep()
        item._report_sections.clear()
        item.user_properties.clear()
        item.own_markers[:] = self._own_markers
        markers = _markers_of(item)
        if len(markers) != len(self._keywords):
            for name in [name for name in markers if name not in self._keywords]:
                del markers[name]
        self._restore_instance()
        if self._globs is not None:
            item.dtest.globs.clear()
            item.dtest.globs.update(self._globs)

    def _restore_instance(self) -> None:
        """Take from the test class's instance what a run has stored on it.

        The instance stays: Hypothesis refuses a test that is run on several.
        """
        instance = getattr(self._item, "_instance", None)
        if instance is None:
            return
        try:
            vars(instance).clear()
        except TypeError:  # slots only
            del self._item._instance
            self._item._obj = None


def _forget_exceptions() -> None:
    """Drop what a failed run has left for the debugger."""
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        with suppress(AttributeError):
            delattr(sys, name)


def _markers_of(item: Any) -> dict[str, Any]:
    markers: dict[str, Any] = item.keywords._markers
    return markers


@contextmanager
def _keeping_wider(item: Any) -> Iterator[None]:
    """Tear down no further than to the item, also in a session that is about to stop."""
    state = item.session._setupstate
    tear_down_to = state.teardown_exact
    state.teardown_exact = (
        lambda nextitem: tear_down_to(item.parent)  # noqa: ARG005  # callers may name it
    )
    try:
        yield
    finally:
        del state.teardown_exact


@contextmanager
def _keeping_benchmarks(config: pytest.Config) -> Iterator[None]:
    """Keep the measurements that pytest-benchmark is going to print."""
    benchmarks = getattr(getattr(config, "_benchmarksession", None), "benchmarks", [])
    before = len(benchmarks)
    try:
        yield
    finally:
        del benchmarks[before:]


@contextmanager
def _keeping_subtests(config: pytest.Config) -> Iterator[None]:
    """Keep the numbers of failed subtests, by which reporters turn passed tests into failures."""
    try:
        from _pytest.subtests import failed_subtests_key
    except ImportError:  # before pytest 9
        yield
        return
    counts = config.stash.get(failed_subtests_key, None)
    before = dict(counts or {})
    try:
        yield
    finally:
        if counts is not None:
            counts.clear()
            counts.update(before)


@contextmanager
def _same_examples() -> Iterator[None]:
    """Let Hypothesis draw the same examples in each run: other ones fill its caches and the user's.

    Does nothing where it is not in use, or where its seed is set already.
    """
    core: Any = sys.modules.get("hypothesis.core")
    if core is None or getattr(core, "global_force_seed", 0) is not None:
        yield
        return
    core.global_force_seed = 0
    try:
        yield
    finally:
        core.global_force_seed = None


def _hypothesis_notes(function: object) -> dict[str, object]:
    """Return what Hypothesis has noted on a test's function."""
    noted = getattr(function, "__dict__", {})
    return {name: value for name, value in noted.items() if name.startswith("_hypothesis_")}


def doctest_globals(item: pytest.Item) -> dict[str, object] | None:
    """Copy a doctest's globals before its first run, which empties them."""
    test = getattr(item, "dtest", None)
    globs = getattr(test, "globs", None)
    return dict(globs) if isinstance(globs, dict) else None


def _problem(reports: list[pytest.TestReport]) -> str | None:
    """Return what kept a run from passing, in one line; ``None`` when it passed."""
    for report in reports:
        if report.failed or report.skipped:
            outcome = "skipped" if report.skipped else f"failed in {report.when}"
            return f"{outcome}: {_first_line(report)}"
    if "call" not in {report.when for report in reports}:
        return "the test was not called"
    return None


def _first_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    if isinstance(report.longrepr, tuple):
        text = str(report.longrepr[-1])
    lines = [line for line in str(text).splitlines() if line.strip()]
    return lines[0].strip() if lines else "no reason given"
