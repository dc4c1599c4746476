"""One session's checking: which tests, in which state of the process, and with which verdicts?"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_leakguard.api import Checker
from pytest_leakguard.forkable import CAN_COPY, CAN_FORK, NO_FORK, Obstacles
from pytest_leakguard.model import Result
from pytest_leakguard.plugin import markers, protocol
from pytest_leakguard.plugin.bookkeeping import keepers, without_bookkeeping
from pytest_leakguard.plugin.choice import Budget, read_costs
from pytest_leakguard.plugin.gate import Gate, Settle
from pytest_leakguard.plugin.harness import harness_of
from pytest_leakguard.plugin.neighbours import Neighbours, looks_at_lifetimes
from pytest_leakguard.plugin.options import Options
from pytest_leakguard.plugin.policy import Policy
from pytest_leakguard.plugin.progress import Progress
from pytest_leakguard.plugin.repeatable import Advised
from pytest_leakguard.plugin.rerun import (
    RerunnableItem,
    Timeouts,
    doctest_globals,
)
from pytest_leakguard.plugin.results import SessionResults, note_result
from pytest_leakguard.plugin.scopes import Fixtures
from pytest_leakguard.reports import SelfCheck
from pytest_leakguard.reports.text import failure_page, one_sentence
from pytest_leakguard.runner import Recorder, Subject
from pytest_leakguard.settings import Settings
from pytest_leakguard.soak.watching import Watch
from pytest_leakguard.units import format_span, plural

if TYPE_CHECKING:
    from pytest_leakguard.plugin.alone import Alone

_ISOLATED = "re-runs happen in forked children"


class LeakSession:
    """State of a checking session, and the hooks that go with it.

    Args:
        config: The session's configuration.
        options: What it was asked for.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._config = config
        self._options = options
        self._fixtures = Fixtures()
        self._timeouts = Timeouts(config)
        self._neighbours = Neighbours()
        self._harness = harness_of(config)
        self._checker = Checker(
            track=options.settings.track,
            extra_roots=self._fixtures.values,
            kept_files=_temporary_paths(config),
            harness=self._harness,
        )
        self._policy = Policy.of(options)
        names = self._checker.selection.names
        self._results = SessionResults(config, options, self._policy, names)
        config.pluginmanager.register(self._results, "leakguard-results")
        self._planned = ""
        self._alone: Alone | None = None
        self._budget = self._make_budget()
        self._progress = Progress(config)
        self._judged_alone: pytest.Item | None = None

    def header(self) -> list[str]:
        """Return the header line: mode, counters, and what this platform cannot count."""
        counted = ", ".join(self._checker.selection.names())
        line = f"leakguard: mode {self._options.mode}; counting {counted}"
        if self._checker.selection.missing:
            line += f"; not countable here: {', '.join(self._checker.selection.missing)}"
        chosen = (self._options.changed, self._options.sample, self._budget)
        line += "".join(f"; {choice}" for choice in chosen if choice is not None)
        line += _soak_in_words(self._options.settings)
        if self._options.settings.isolate:
            line += f"; {_ISOLATED if CAN_FORK else f'not isolated: {NO_FORK}'}"
        return [line]

    def _make_budget(self) -> Budget | None:
        if self._options.budget is None:
            return None
        workers = getattr(self._config, "workerinput", {}).get("workercount", 1)
        return Budget(self._options.budget, read_costs(self._config), processes=int(workers))

    def _refusal(self, item: pytest.Item, own_seconds: float) -> str:
        """Say why a test is left out of a whole-suite check; empty if it is not."""
        refusal = ""
        if self._options.changed is not None:
            refusal = self._options.changed.refusal(item.path)
        if not refusal and self._options.sample is not None:
            refusal = self._options.sample.refusal(item.nodeid)
        if not refusal and self._budget is not None:
            refusal = self._budget.refusal(item.nodeid, own_seconds)
        return refusal

    def _within_budget(self, plan: markers.Plan) -> markers.Plan:
        if self._budget is None:
            return plan
        settings, left = plan.settings, self._budget.left
        settings = replace(settings, confirm=min(settings.confirm, left))
        if settings.duration is not None and left > 0:
            settings = replace(settings, duration=min(settings.duration, left))
        return replace(plan, settings=settings)

    # Fixtures

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> None:
        """Keep track of the fixtures that are wider than a function."""
        if self._judged_alone is not None:
            from pytest_leakguard.plugin.alone import refuse_shared

            refuse_shared(fixturedef)
        self._fixtures.set_up(fixturedef)

    @pytest.hookimpl(trylast=True)
    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        """Keep track of the fixtures that are wider than a function."""
        self._fixtures.finished(fixturedef)

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, settings: object) -> None:
        """Remember a time-out, so that each re-run is given the same."""
        self._timeouts.settings = settings

    # One test

    def _plan(self, item: pytest.Item) -> markers.Plan | None:
        if self._options.mode == "off" or self._judged_alone not in (None, item):
            return None
        plan = markers.read_plan(item, self._options.settings)
        if plan is None and self._options.mode == "all":
            plan = markers.Plan(kind="suite", settings=self._options.settings)
        return plan

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let the first run happen as ever; then run again, judge, and let its reports out."""
        try:
            plan = self._plan(item)
        except markers.MarkerError as error:  # added after collection
            raise pytest.UsageError(str(error)) from None
        if self._alone is not None:
            self._alone.begins(item)
        if plan is None:
            return (yield)
        if item.config.getoption("trace", False):
            self._results.note_debugged(item.nodeid)
            return (yield)
        if looks_at_lifetimes(item):
            self._leave_file()
        globs = doctest_globals(item)
        self._planned = item.nodeid
        try:
            with Gate(
                item,
                lambda gate: self._judge(item, gate, plan, globs),
                self._leave_file,
            ):
                return (yield)
        finally:
            self._planned = ""
            self._timeouts.settings = None

    def _leave_file(self) -> None:
        self._neighbours.leave()
        self._checker.selection.leave_neighbourhood()

    @pytest.hookimpl
    def pytest_enter_pdb(self) -> None:
        """Note that the user looks at the current test in the debugger."""
        if self._planned:
            self._results.note_debugged(self._planned)

    def _judge(
        self, item: pytest.Item, gate: Gate, plan: markers.Plan, globs: dict[str, object] | None
    ) -> Settle:
        if plan.kind == "suite" and self._judged_alone is None:
            if refusal := self._refusal(item, gate.own_seconds):
                left_out = Result(verdict="unchecked", reason=refusal, executions=1)
                return partial(note_result, kind="", result=left_out)
            plan = self._within_budget(plan)
        subject = RerunnableItem(item, gate, self._fixtures, self._timeouts, globs)
        self_check = SelfCheck()
        try:
            watch = Watch(
                begins=self._progress.soaks,
                stops=(KeyboardInterrupt, pytest.exit.Exception),
                stopped=gate.stop,
            )
            advised = self._progress.of(Advised(subject, item))
            with subject.session(), _crowd(item, plan):
                checked = self._check(advised, item, gate, plan, watch)
            if checked.verdict == "leak" and not gate.stopping:
                checked = self._reconsidered(item, checked, plan)
            self_check = SelfCheck.of(self._checker.self_check())
        except pytest.exit.Exception:
            raise
        except Exception as error:  # a test's outcome must not hang on our mistakes
            checked = Result(verdict="unchecked", reason=_own_failure(error), executions=1)
        names = self._fixtures.names
        findings = tuple(finding.with_fixtures(names) for finding in checked.findings)
        self._progress.erase()
        checked = replace(checked, findings=findings)
        result, failing = self._policy.settle(item.nodeid, checked, plan)
        result = self._profiled(item, gate, plan, result, subject)
        if self._budget is not None:
            self._budget.spend(result.seconds)
        path, line, _ = item.location
        root = self._config.rootpath

        def settle(report: pytest.TestReport) -> None:
            note_result(report, kind=plan.kind, result=result, self_check=self_check)
            if failing:
                where = f"{path}:{(line or 0) + 1}"
                sentence = one_sentence(result, plan.settings)
                accept = self._policy.lines_to_accept(item.nodeid, result)
                page = failure_page(result, plan.settings, where=where, root=root, accept=accept)
                protocol.fail(report, str(root / path), (line or 0) + 1, sentence, page)

        return settle

    def _reconsidered(self, item: pytest.Item, checked: Result, plan: markers.Plan) -> Result:
        """Accuse a test neither of what plugins note of it, nor of what earlier tests have done."""
        checked = without_bookkeeping(checked, keepers(self._config))
        # In the few runs that there are alone, nothing rare would show.
        shows = checked.soak is None or checked.soak.is_exact
        if checked.verdict == "leak" and shows and self._alone is not None and plan.known is None:
            checked = self._alone.reconsider(item, checked, plan.settings)
        if checked.snapshots and checked.verdict in ("clean", "bounded"):
            from pytest_leakguard.plugin.snapshots import discard

            checked = discard(checked)
        return checked

    def _check(
        self, subject: Subject, item: pytest.Item, gate: Gate, plan: markers.Plan, watch: Watch
    ) -> Result:
        if plan.settings.crew > 1 and (why := _no_workers(item)):
            return Result(verdict="inconclusive", reason=why, executions=1)
        neighbourhood = self._neighbours.of(item, self._fixtures.values())
        if self._judged_alone is not None:
            return self._checker.look(
                subject, plan.settings, marked=plan.marked, neighbourhood=neighbourhood
            )
        return self._checker.check(
            subject,
            plan.settings,
            marked=plan.marked,
            neighbourhood=neighbourhood,
            own_seconds=gate.own_seconds,
            recorder=self._recorder(item),
            watch=watch,
        )

    def _profiled(
        self,
        item: pytest.Item,
        gate: Gate,
        plan: markers.Plan,
        result: Result,
        subject: RerunnableItem,
    ) -> Result:
        """Have a leak profiled that nobody knows of, if that was asked for."""
        if self._options.profile is None or result.verdict != "leak" or self._judged_alone:
            return result
        from pytest_leakguard.plugin.profiles import profiler_of

        profiler = profiler_of(item, self._options.profile, plan)
        try:
            with subject.session():
                return self._checker.profile(
                    profiler,
                    self._progress.of(Advised(subject, item)),
                    plan.settings,
                    result,
                    own_seconds=gate.own_seconds,
                )
        except pytest.exit.Exception:
            raise
        except Exception as error:  # a verdict must not hang on our mistakes
            return replace(result, profile=profiler.failed(_own_failure(error)))
        finally:
            self._progress.erase()

    def _recorder(self, item: pytest.Item) -> Recorder | None:
        if self._options.snapshots is None:
            return None
        from pytest_leakguard.plugin.snapshots import recorder_of

        return recorder_of(item)

    # Judging alone

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Copy the process before the first test, so that suspects can be judged alone."""
        if session.items and self._options.mode != "off":
            self._progress.open()
            with suppress(Exception):  # tests go on without; the first that is judged tells of it
                self._prepare(session)
        try:
            return (yield)
        finally:
            self._progress.close()
            if self._alone is not None:
                self._alone.close()

    def _prepare(self, session: pytest.Session) -> None:
        if CAN_COPY and len(session.items) > 1 and not Obstacles(self._harness).first():
            from pytest_leakguard.plugin.alone import Alone

            with suppress(OSError):  # too little memory, or too many processes
                self._alone = Alone(session, self._judge_alone)
        self._checker.self_check()  # now, while no fixture's thread is at work

    def _judge_alone(self, item: pytest.Item) -> None:
        """From here on, be in a child that runs tests only to judge one of them."""
        self._alone = None
        self._judged_alone = item

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long tests take, for judging some of them alone."""
        if self._alone is not None:
            self._alone.took(report)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Plan what the budget is spent on."""
        if self._budget is not None:
            self._budget.plan(item.nodeid for item in session.items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Leave the interpreter as it was found."""
        self._checker.close()
        return (yield)


def _soak_in_words(settings: Settings) -> str:
    """Say in the header that tests are soaked, and for how long; empty if they are not."""
    if settings.duration is None:
        return ""
    workers = f" by {plural(settings.workers, 'worker')}" if settings.workers > 1 else ""
    return f"; tests are soaked for {format_span(settings.duration)} each{workers}"


def _crowd(item: pytest.Item, plan: markers.Plan) -> AbstractContextManager[None]:
    """Have a test's body run by workers inside, if it is to be and can."""
    if plan.settings.crew == 1 or _no_workers(item):
        return nullcontext()
    from pytest_leakguard.plugin.crowd import Crowd

    return Crowd(item, plan.settings.crew).at_work()


def _no_workers(item: pytest.Item) -> str:
    """Say why workers cannot run a test's body; empty if they can."""
    from pytest_leakguard.plugin.crowd import refusal

    why = refusal(item)
    return f"workers cannot run it: {why}; soak it without --leak-soak-workers" if why else ""


def _temporary_paths(config: pytest.Config) -> re.Pattern[str]:
    """Return what tells a path below pytest's own temporary directories, which it clears away.

    It is searched for in texts of any length, such as the name of a test: in time that grows with
    the length and no faster.
    """
    below = [r"[/\\]pytest-of-[^/\\]+"]  # where they are unless --basetemp names a directory
    if given := config.getoption("basetemp", default=None):
        below += [
            r"(?<![\w./\\-])" + re.escape(spelt)
            for spelt in (os.path.abspath(given), os.path.realpath(given))
        ]
    return re.compile(rf"(?:{'|'.join(below)})[/\\]")


def _own_failure(error: Exception) -> str:
    """Say that a check has failed by itself, and where."""
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"the check itself failed, please report it: {type(error).__name__}: {error} ({place})"
