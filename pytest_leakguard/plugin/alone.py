"""Does a test grow by itself, or only after another test? Judged again in a pristine copy."""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from pytest_leakguard.isolate import STALL_SECONDS
from pytest_leakguard.model import Result
from pytest_leakguard.plugin.gate import REPORTING
from pytest_leakguard.plugin.quiet import flush, quiet
from pytest_leakguard.plugin.temporary import elsewhere, own_directory
from pytest_leakguard.pristine import Pristine, UnansweredError, find_culprit
from pytest_leakguard.settings import Settings

#: What is said when no single earlier test explains it.
EARLIER_TESTS = "earlier tests"
#: How many times longer than a test's first run a child may take to screen it, and how many times
#: longer than what a confirmation may: it is asked twice for one, the second time under tracing.
_EXECUTIONS = 40
_CONFIRMATIONS = 4
#: Plugins whose wide fixtures belong to the process, and to nothing outside of it.
_HARMLESS = frozenset({"_pytest", "anyio", "pytest_asyncio"})
#: pytest's own fixtures that call the set-up functions and methods of users.
_CALLING_USERS = ("_xunit_setup_", "_unittest_")


class Alone:
    """Judges tests in a copy of the process in which no test has run, or only chosen ones.

    Args:
        session: The session, with its tests collected and none of them run.
        begin: Called in a child of the copy with the test that it is to judge.

    Raises:
        OSError: The system refused to copy the process.
    """

    def __init__(self, session: pytest.Session, begin: Callable[[pytest.Item], None]) -> None:
        self._items = list(session.items)
        self._numbers = {id(item): number for number, item in enumerate(self._items)}
        self._config = session.config
        self._begin = begin
        self._ran: list[int] = []
        self._seconds: dict[str, float] = {}
        self._own: set[frozenset[str]] = set()
        flush()  # the copy would write what is held back once more
        self._pristine = Pristine(self._answer)

    def close(self) -> None:
        """End the copy."""
        self._pristine.close()

    def begins(self, item: pytest.Item) -> None:
        """Note that a test is run in this process."""
        number = self._numbers.get(id(item))
        if number is not None and number not in self._ran[-1:]:
            self._ran.append(number)

    def took(self, report: pytest.TestReport) -> None:
        """Note how long a phase of a test took."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def reconsider(self, item: pytest.Item, result: Result, settings: Settings) -> Result:
        """Return the verdict on a leaking test once it is known whether it leaks by itself.

        Args:
            item: The test.
            result: What was found after others had run.
            settings: How it is checked.
        """
        target = self._numbers.get(id(item))
        earlier = [number for number in self._ran if number != target]
        seen = frozenset(finding.fingerprint for finding in result.findings)
        if target is None or not earlier or (seen and seen in self._own):
            return result
        try:
            with own_directory(self._config) as directory:
                return self._told_apart(target, earlier, result, settings, directory)
        except UnansweredError as error:
            return replace(result, evidence=_joined(result.evidence, str(error)))

    def _told_apart(
        self,
        target: int,
        earlier: list[int],
        result: Result,
        settings: Settings,
        directory: str,
    ) -> Result:
        def judged_after(before: list[int]) -> Result:
            seconds = sum(self._seconds_of(number) for number in before)
            seconds += self._seconds_of(target) * _EXECUTIONS + STALL_SECONDS
            seconds += settings.confirm * _CONFIRMATIONS
            question = {"test": target, "before": before, "directory": directory}
            return self._pristine.ask(question, seconds)

        alone = judged_after([])
        if alone.verdict == "leak":
            self._own.add(frozenset(finding.fingerprint for finding in result.findings))
            said = "the same alone, in a fresh process"
            return replace(result, evidence=_joined(result.evidence, said))
        if alone.verdict != "clean":
            said = f"could not be judged alone: {alone.reason}"
            return replace(result, evidence=_joined(result.evidence, said))
        culprit = find_culprit(
            earlier, lambda before: judged_after(before).verdict == "leak", settings.confirm
        )
        if culprit is None and judged_after([]).verdict != "clean":
            return result
        name = EARLIER_TESTS if culprit is None else self._items[culprit].nodeid
        reason = f"grows only after {name}: {_in_words(result)}"
        return replace(result, verdict="clean", reason=reason, only_after=name)

    def _seconds_of(self, number: int) -> float:
        return self._seconds.get(self._items[number].nodeid, 0.0)

    # In a child of the copy

    def _answer(self, question: Mapping[str, Any]) -> Result:
        """Run tests and judge the last one of them."""
        target = self._items[question["test"]]
        chosen = [*(self._items[number] for number in question["before"]), target]
        elsewhere(self._config, question["directory"])
        run = self._config.hook.pytest_runtest_protocol
        with quiet(self._config), _withheld(self._config) as reports:
            self._begin(target)
            for item, nextitem in pairwise([*chosen, None]):
                run(item=item, nextitem=nextitem)
                _go_on(item.session)
        return _of_reports([report for report in reports if report.nodeid == target.nodeid])


def _joined(evidence: str, said: str) -> str:
    return "; ".join(filter(None, (evidence, said)))


def _in_words(result: Result) -> str:
    if not result.findings:
        return result.evidence
    finding = result.findings[0]
    return f"{finding.holder} then keeps more and more of {finding.type}"


def _go_on(session: pytest.Session) -> None:
    """Let no test that fails end the session of a child."""
    session.shouldfail = session.shouldstop = False


def _of_reports(reports: Sequence[pytest.TestReport]) -> Result:
    """Return the result that a test's reports carry, or why there is none."""
    for report in reports:
        if (carried := getattr(report, "leakguard", None)) is not None:
            return Result.from_plain(carried["result"])
    for report in reports:
        if not report.passed:
            crash = getattr(report.longrepr, "reprcrash", None)
            message = crash.message if crash is not None else str(report.longrepr)
            line = message.strip().partition("\n")[0]
            _, refused, what = line.partition(f"{SharedFixtureError.__name__}: ")
            reason = what if refused else f"{report.outcome} in {report.when}: {line}"
            return Result(verdict="inconclusive", reason=reason)
    return Result(verdict="inconclusive", reason="it was not judged")


@contextmanager
def _withheld(config: pytest.Config) -> Iterator[list[pytest.TestReport]]:
    """Let no report out; yields them."""
    manager: Any = config.pluginmanager
    inner = manager._inner_hookexec
    reports: list[pytest.TestReport] = []

    def execute(name: str, methods: Any, kwargs: Mapping[str, Any], firstresult: bool) -> Any:
        if name not in REPORTING:
            return inner(name, methods, kwargs, firstresult)
        if name == "pytest_runtest_logreport":
            reports.append(kwargs["report"])
        return None if firstresult else []

    manager._inner_hookexec = execute
    try:
        yield reports
    finally:
        manager._inner_hookexec = inner


class SharedFixtureError(Exception):
    """A fixture that tests share may own what is outside of the process: there is one."""


def refuse_shared(definition: Any) -> None:
    """Refuse to set up a second time what undoes something when it ends, such as a database.

    Raises:
        SharedFixtureError: It is such a fixture.
    """
    name, function = definition.argname, inspect.unwrap(definition.func)
    if definition.scope == "function":
        return
    package = str(getattr(function, "__module__", "")).partition(".")[0]
    if package in _HARMLESS and not name.startswith(_CALLING_USERS):
        return
    if name.startswith("_unittest_") and not _has_class_set_up(definition):
        return
    undoes = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    with suppress(AttributeError):
        undoes = undoes or "addfinalizer" in function.__code__.co_names
    if undoes:
        users = name.startswith(_CALLING_USERS)
        what = f"the set-up of its {definition.scope}" if users else f"the set-up of {name!r}"
        raise SharedFixtureError(f"{what} is not done twice, since it is undone at the end")


def _has_class_set_up(definition: Any) -> bool:
    """Tell whether a TestCase has a set-up of its class; pytest has a fixture for it anyway."""
    cells = inspect.getclosurevars(definition.func).nonlocals
    setup = cells.get("setup")
    base = unittest.TestCase.setUpClass
    return getattr(setup, "__func__", setup) is not getattr(base, "__func__", base)
