"""What is known of a session's tests, here or from the workers of a distributed session?"""

from __future__ import annotations

import platform
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_leakguard.errors import InvalidSettingError, UnusableHistoryError
from pytest_leakguard.files import replacing
from pytest_leakguard.model import Result
from pytest_leakguard.plugin.choice import write_costs
from pytest_leakguard.plugin.ci import append_to_summary, commands
from pytest_leakguard.plugin.graphs import write_graphs
from pytest_leakguard.plugin.memory import SessionMemory
from pytest_leakguard.plugin.options import HistoryFile, Options
from pytest_leakguard.plugin.policy import DEBUGGED, OWN_OUTCOMES, Policy
from pytest_leakguard.reports import SelfCheck, SessionFacts, TestOutcome, renderer_of
from pytest_leakguard.reports.causes import causes_of
from pytest_leakguard.reports.soaks import soak_lines
from pytest_leakguard.reports.summary import (
    comparison_lines,
    findings_table,
    profile_lines,
    snapshot_lines,
    summary_line,
    summary_lists,
)
from pytest_leakguard.units import format_number, format_size

if TYPE_CHECKING:
    from pytest_leakguard.plugin.monitor import SessionMonitor

#: What the plugin that watches the whole session is registered as.
MONITOR = "leakguard-monitor"
_TO_THE_END = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED})
_RUN_BY_OTHERS = "another plugin ran it in a way of its own, so it could not be run again"


def note_result(
    report: pytest.TestReport,
    *,
    kind: str,
    result: Result,
    self_check: SelfCheck = SelfCheck(),  # noqa: B008  # a frozen value
) -> None:
    """Put a test's result on its report, as plain data that pytest-xdist carries."""
    report.leakguard = {  # type: ignore[attr-defined]
        "kind": kind,
        "result": result.to_plain(),
        "self_check": self_check.to_plain(),
    }


def properties_of(result: Result) -> list[tuple[str, str]]:
    """Say a verdict as properties of a test, for JUnit files and whatever else shows them."""
    stated = [("leak_verdict", result.verdict), ("leak_reason", result.reason)]
    stated += [("leak_executions", str(result.executions)), ("leak_only_after", result.only_after)]
    for finding in result.findings:
        objects = format_number(finding.objects_per_run)
        rate = f"+{objects}/run, +{format_size(finding.bytes_per_run)}/run"
        about = f"{finding.type} in {finding.holder}: {rate}; {finding.pattern}"
        stated.append(("leak_finding", f"{about}; fingerprint {finding.fingerprint}"))
    return [(name, text) for name, text in stated if text]


class SessionResults:
    """Collects results, and tells them at the end: in the terminal and in reports.

    They ride on the call reports as plain data, so that they reach the controller of a distributed
    session in the same way as the terminal of a plain one.

    Args:
        config: The session's configuration.
        options: What it was asked for.
        policy: What follows from verdicts.
        counters: Names the counters that are read.
    """

    def __init__(
        self,
        config: pytest.Config,
        options: Options,
        policy: Policy,
        counters: Callable[[], Sequence[str]],
    ) -> None:
        self._config = config
        self._options = options
        self._policy = policy
        self._counters = counters
        self._outcomes: dict[str, TestOutcome] = {}
        self._collected: dict[str, None] = {}
        self._debugged: set[str] = set()
        self._passed: set[str] = set()
        self._properties: dict[str, list[tuple[str, str]]] = {}
        self._self_check = SelfCheck()
        self._extra_seconds = 0.0
        self._recorded = ""
        self._objections: list[str] = []
        self._notes: list[str] = []
        self._narrowed = _names_tests(config)
        self._is_worker = hasattr(config, "workerinput")
        self._memory = SessionMemory(config, options)
        config.pluginmanager.register(self._memory, "leakguard-memory")

    def note_debugged(self, nodeid: str) -> None:
        """Note that the user went through a test in the debugger."""
        self._debugged.add(nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect results, here or on the controller of a distributed session."""
        carried = getattr(report, "leakguard", None)
        if carried is not None:
            result = Result.from_plain(carried["result"])
            self._outcomes[report.nodeid] = TestOutcome(
                nodeid=report.nodeid, kind=carried["kind"], result=result
            )
            self._self_check = self._self_check.worse(SelfCheck(**carried["self_check"]))
            self._extra_seconds += result.seconds
            self._properties[report.nodeid] = properties_of(result)
        elif report.nodeid not in self._outcomes:
            name = "xfailed" if hasattr(report, "wasxfail") else report.outcome
            reason = OWN_OUTCOMES.get(name, "")
            if report.when == "call" and report.nodeid in self._debugged:
                reason = reason or DEBUGGED
            elif report.when == "call" and self._options.mode == "all" and not reason:
                self._passed.add(report.nodeid)
            elif report.when == "teardown" and report.nodeid in self._passed:
                reason = reason or _RUN_BY_OTHERS
            if reason:
                self._outcomes[report.nodeid] = TestOutcome(
                    nodeid=report.nodeid,
                    kind="",
                    result=Result(verdict="unchecked", reason=reason, executions=1),
                )
        if not self._is_worker:  # the controller does it for all
            report.user_properties.extend(self._properties.get(report.nodeid, ()))
            if report.when == "teardown":
                self._properties.pop(report.nodeid, None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember every collected test."""
        self._collected.update(dict.fromkeys(item.nodeid for item in session.items))

    @pytest.hookimpl
    def pytest_deselected(self) -> None:
        """Note that not all tests are to run."""
        self._narrowed = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Remember every test that a worker has collected."""
        self._collected.update(dict.fromkeys(ids))

    def _facts(self) -> SessionFacts:
        judged = [outcome for outcome in self._outcomes.values() if outcome.kind]
        monitor: SessionMonitor | None = self._config.pluginmanager.get_plugin(MONITOR)
        for nodeid in self._collected:
            if nodeid not in self._outcomes:
                reason = "not checked in this mode" if self._options.mode != "all" else "not run"
                self._outcomes[nodeid] = TestOutcome(
                    nodeid=nodeid,
                    kind="",
                    result=Result(verdict="unchecked", reason=reason, executions=0),
                )
        facts = SessionFacts(
            mode=self._options.mode,
            python=platform.python_version(),
            pytest=pytest.__version__,
            platform=platform.platform(),
            counters=tuple(self._counters()),
            self_check=self._self_check,
            executions=sum(outcome.result.executions for outcome in judged),
            extra_seconds=self._extra_seconds,
            tests=tuple(self._told(self._outcomes[nodeid]) for nodeid in self._ordered()),
            whole=not self._narrowed,
            monitored=() if monitor is None else monitor.found,
            memory=self._memory.largest(),
        )
        return replace(facts, comparison=self._policy.compare(facts))

    def _told(self, outcome: TestOutcome) -> TestOutcome:
        result = outcome.result
        if result.snapshots:
            from pytest_leakguard.plugin import snapshots

            result = snapshots.still_there(result)
        if result.profile is not None:
            from pytest_leakguard.plugin import profiles

            result = profiles.still_there(result)
        return replace(outcome, result=result) if result is not outcome.result else outcome

    def _ordered(self) -> list[str]:
        later = [nodeid for nodeid in self._outcomes if nodeid not in self._collected]
        return [*self._collected, *later]

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Write the reports, also when the session was cut short."""
        self._narrowed = self._narrowed or session.exitstatus not in _TO_THE_END
        self._narrowed = self._narrowed or bool(session.shouldfail or session.shouldstop)
        prevented = self._self_check.prevents and self._options.mode == "all"
        if prevented and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if any(outcome.kind for outcome in self._outcomes.values()):
            self._memory.measure()
        if not self._is_worker:
            self._close(self._facts())
            if self._objections and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def _close(self, facts: SessionFacts) -> None:
        """Write all that a session leaves, each file whole or not at all."""
        write_costs(self._config, facts.judged)
        self._objections += self._policy.objections(facts)
        try:
            self._recorded = self._policy.record(facts)
        except (OSError, InvalidSettingError) as error:
            self._objections.append(f"the known leaks could not be recorded: {error}")
        for form, path in self._options.reports:
            try:
                text = renderer_of(form, path)(facts, self._config.rootpath)
                with replacing(path) as file:
                    file.write(text)
            except OSError as error:
                self._objections.append(f"the report {form}:{path} could not be written: {error}")
        self._draw(facts)
        if self._options.exports and facts.judged:
            from pytest_leakguard.exporters import deliver

            self._notes += deliver(self._options.exports, facts, self._config.rootpath)
        if self._options.history is not None:
            self._add_to(self._options.history, facts)
        if facts.judged:
            try:
                append_to_summary(facts, self._config.rootpath)
            except OSError as error:  # a page of CI, and no report that was asked for
                self._notes.append(f"the summary of the job could not be written: {error}")

    def _draw(self, facts: SessionFacts) -> None:
        if self._options.graphs is None:
            return
        causes = causes_of(facts, self._config.rootpath)
        try:
            trouble = write_graphs(self._options.graphs, causes)
        except OSError as error:
            self._objections.append(f"the graphs could not be written: {error}")
        else:
            self._notes += [trouble] if trouble else []

    def _add_to(self, history: HistoryFile, facts: SessionFacts) -> None:
        from pytest_leakguard.history.storing import record

        try:
            record(history.path, facts, history.revision)
        except UnusableHistoryError as error:
            self._objections.append(
                f"the history {history.shown} could not be written: {error.reason}"
            )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print one line on what was checked, and what was not judged and why."""
        facts = self._facts()
        line = summary_line(facts)
        if not (line or self._objections or self._recorded):
            return
        verbosity = self._config.get_verbosity()
        clean = all(outcome.result.verdict == "clean" for outcome in facts.judged)
        if verbosity < 0 and clean and not (self._objections or self._notes):
            return
        terminalreporter.write_sep("-", "leak check")
        limit = None if verbosity > 0 else 10
        lists = (
            findings_table,
            summary_lists,
            soak_lines,
            snapshot_lines,
            profile_lines,
            comparison_lines,
        )
        told = chain(*(lines(facts, limit=limit) for lines in lists), self._memory.lines())
        for entry in chain(told, self._notes):
            terminalreporter.write_line(entry)
        if self._recorded:
            terminalreporter.write_line(f"known leaks: {self._recorded}")
        if line:
            terminalreporter.write_line(line)
        for objection in self._objections:
            terminalreporter.write_line(f"leak check failed: {objection}", red=True)
        for command in commands(facts, self._config.rootpath):
            terminalreporter.write_line(command)


def _names_tests(config: pytest.Config) -> bool:
    """Tell whether the command line names files or tests, and not only folders of them."""
    given = config.known_args_namespace.file_or_dir
    return any(not Path(config.invocation_params.dir, argument).is_dir() for argument in given)
