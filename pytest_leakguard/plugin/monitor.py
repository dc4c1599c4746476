"""How is a whole session watched: what is asked for, and what do pytest's hooks tell?"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, final

import pytest

from pytest_leakguard.errors import InvalidSettingError, UnsupportedInterpreterError
from pytest_leakguard.interpreter import require_cpython
from pytest_leakguard.monitor.judging import Limits
from pytest_leakguard.monitor.process import ProcessMonitor
from pytest_leakguard.monitor.suspects import Again
from pytest_leakguard.monitored import Monitored
from pytest_leakguard.plugin.lookup import look_up
from pytest_leakguard.plugin.neighbours import Neighbours, looks_at_lifetimes
from pytest_leakguard.plugin.scopes import Fixtures
from pytest_leakguard.reports.monitor import monitor_lines  # later, no descriptor may be left
from pytest_leakguard.settings import parse_switch
from pytest_leakguard.shared import Shared
from pytest_leakguard.units import parse_duration, parse_percentage, parse_size, plural

_NAME, _CARRIED = "leakguard-monitor", "leakguard_monitored"
_getpid = os.getpid
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorOptions:
    """How a session is watched.

    Attributes:
        interval: How often a thread takes samples besides, in seconds; 0: never.
        fails: Whether warnings fail the session.
        once: Whether no test is run again.
        limits: What is warned of.
    """

    interval: float = 0.0
    fails: bool = False
    once: bool = False
    limits: Limits = field(default_factory=Limits)


def resolve(config: pytest.Config) -> MonitorOptions:
    """Read how it is to be watched.

    Raises:
        pytest.UsageError: A value does not fit; the text names option, value and what is accepted.
    """
    given: dict[str, Any] = {}  # by the names of fields
    limits: dict[str, Any] = {}
    try:
        place, value = look_up(config, "monitor-interval")
        if value is not None and not (interval := parse_duration(place, value)):
            raise InvalidSettingError(place, value, "a time above 0, such as '10 s'")
        if value is not None:
            given["interval"] = interval
        place, value = look_up(config, "monitor-rapid")
        if value is not None:
            limits["rapid_bytes"] = parse_size(place, value)
        place, value = look_up(config, "monitor-high")
        if value is not None:
            limits["high_percent"] = parse_percentage(place, value)
        for name, field_name in (("monitor-fail", "fails"), ("monitor-once", "once")):
            place, value = look_up(config, name)
            if value is not None:
                given[field_name] = parse_switch(place, value)
    except InvalidSettingError as error:
        raise pytest.UsageError(str(error)) from None
    return MonitorOptions(limits=Limits(**limits), **given)


def start(config: pytest.Config, *, judged_anyway: bool) -> None:
    """Watch this session.

    Args:
        config: Its configuration.
        judged_anyway: Whether all tests are run again as it is.

    Raises:
        pytest.UsageError: It is not CPython, or an option does not fit.
    """
    try:
        require_cpython()
    except UnsupportedInterpreterError as error:
        raise pytest.UsageError(str(error)) from None
    monitor = SessionMonitor(config, resolve(config), judged_anyway=judged_anyway)
    config.pluginmanager.register(monitor, _NAME)


def _what_was_raised(text: str) -> str:
    """Return which finaliser raised what, from pytest's text, without the object's address."""
    first, *lines = [line for line in text.splitlines() if line.strip()] or ["unknown"]
    traceback = [number for number, line in enumerate(lines) if line.startswith("Traceback")]
    after = lines[traceback[-1] + 1 :] if traceback else []
    raised = next((line for line in after if not line.startswith(" ")), "")
    what = _ADDRESS.sub("", first.removeprefix("Exception ignored in: "))
    return f"{what}: {raised}" if raised else what


def _values(cls: type) -> list[object]:
    return [*vars(cls).values()]


class SessionMonitor:
    """The monitor of this process, if it runs tests, and what those of workers have seen.

    Args:
        config: The session's configuration.
        options: How it is watched.
        judged_anyway: Whether all tests are run again as it is.
    """

    def __init__(
        self, config: pytest.Config, options: MonitorOptions, *, judged_anyway: bool
    ) -> None:
        self._config = config
        self._confirms = not (judged_anyway or options.once)
        self._options = options
        self._monitor: ProcessMonitor | None = None
        self._owner = _getpid()
        self._runs = 1  # of the current test, if it is judged
        self._fixtures = Fixtures()
        self._neighbours = Neighbours()
        self._shared = Shared()
        self._of_classes: dict[int, frozenset[int]] = {}  # what each had before its fixtures
        self._found: list[Monitored] = []
        self._lost: list[str] = []
        self._trouble = ""

    @property
    def found(self) -> tuple[Monitored, ...]:
        """What was seen of each process, as far as it is known."""
        return tuple(self._found)

    @property
    def monitor(self) -> ProcessMonitor | None:
        """The monitor of this process; ``None`` while none is on."""
        return self._monitor if _getpid() == self._owner else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Watch from before the first test until after the last."""
        if not session.items or session.config.option.collectonly:  # or workers run them
            return (yield)
        with self._no_harm():  # no descriptor may be left, say
            self._open(len(session.items))
        cut_short = True  # by an exception, as -x and Ctrl-C do
        try:
            result = yield
            cut_short = False
            return result
        finally:
            if _getpid() == self._owner:  # and not a copy that judges a test alone
                with self._no_harm():
                    if self._monitor is not None:
                        self._found.append(self._monitor.close(cut_short=cut_short))
            self._monitor = None

    def _open(self, tests: int) -> None:
        worker = getattr(self._config, "workerinput", {})
        self._monitor = ProcessMonitor(
            process=worker.get("workerid", ""),
            places=self._fixtures.values,
            interval=self._options.interval,
            limits=self._options.limits,
        )
        self._monitor.open(tests // int(worker.get("workercount", 1)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Tell when a test begins and when it is over."""
        monitor = self.monitor
        if monitor is None:
            return (yield)
        with self._no_harm():
            if looks := looks_at_lifetimes(item):
                monitor.collector.step_aside()
            monitor.begin(item.nodeid)
        try:
            return (yield)
        finally:
            with self._no_harm():
                if looks:
                    monitor.collector.listen()
                neighbourhood = partial(self._neighbours.of, item, {})
                file = item.nodeid.partition("::")[0]
                runs, self._runs = self._runs, 1
                monitor.end(file, neighbourhood, runs=runs)
                if self._confirms and monitor.has_questions(file):
                    self._confirms = False
                    self._confirm()

    def _confirm(self) -> None:
        """From the next test on, have those run again that make a suspected holder grow."""
        from pytest_leakguard.plugin.confirming import Confirmation

        confirmation = Confirmation(
            self._config, self._fixtures, self._shared, lambda: self.monitor
        )
        self._config.pluginmanager.register(confirmation, f"{_NAME}-confirmation")

    @contextmanager
    def _no_harm(self) -> Iterator[None]:
        """Stop watching if that fails: no test's outcome may hang on it."""
        try:
            yield
        except Exception as error:
            self._trouble = f"the monitor itself failed, please report it: {error!r}"
            monitor, self._monitor = self._monitor, None
            if monitor is None:
                return
            try:  # what was seen until now is still worth telling
                self._found.append(monitor.close(cut_short=True))
            except Exception:
                monitor.abandon()

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> None:
        """Keep track of the fixtures that are wider than a function: holders may hang on them."""
        if fixturedef.scope != "function" and self._monitor is not None:
            with self._no_harm():
                self._fixtures.set_up(fixturedef)
                if fixturedef.scope == "class" and request.cls is not None:
                    self._of_classes[id(fixturedef)] = frozenset(map(id, _values(request.cls)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_post_finalizer(self, fixturedef: Any, request: Any) -> None:
        """Let go of what hangs on a fixture that ends, and of what it has put on its class."""
        if fixturedef.scope == "function" or self._monitor is None:
            return
        with self._no_harm():
            before = self._of_classes.pop(id(fixturedef), None)
            if before is not None and request.cls is not None:
                added = [value for value in _values(request.cls) if id(value) not in before]
                self._monitor.holders.leave_containers(added)
            if (result := fixturedef.cached_result) is not None:
                told = fixturedef.scope == "session"
                self._monitor.holders.leave(result[0], told=told)
            self._fixtures.finished(fixturedef)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what a test's own re-runs have shown."""
        if self._monitor is None:
            return
        carried = getattr(report, "leakguard", None)
        if carried is not None:
            with self._no_harm():
                self._runs = max(carried["result"]["executions"], 1)
                self._judge(report.nodeid, carried["result"])

    def _judge(self, nodeid: str, result: dict[str, Any]) -> None:
        """Let the verdict on a test say whether the holders that it made grow do so again."""
        monitor = self._monitor
        file = nodeid.partition("::")[0]
        if monitor is None or not (suspects := monitor.suspects(file)):
            return
        from pytest_leakguard.model import Result

        monitor.holders.name_suspects()
        judged = Result.from_plain(result)
        for suspect in suspects:
            if judged.verdict in ("clean", "bounded"):
                suspect.retrials.take(nodeid, Again(gains=(0,)))
            elif suspect.is_accused(judged):
                added = Again(gains=(1, 1), goes_on=True, finding=suspect.finding(judged))
                suspect.retrials.take(nodeid, added)

    def pytest_warning_recorded(self, warning_message: Any) -> None:
        """Note what finalisers raise: pytest tells of it by a warning."""
        message = warning_message.message
        if self._monitor is not None and isinstance(
            message, pytest.PytestUnraisableExceptionWarning
        ):
            self._monitor.note_raising(_what_was_raised(str(message)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what the monitor of a worker has seen."""
        carried = getattr(node, "workeroutput", {}).get(_CARRIED)
        if carried is not None:
            self._found += map(Monitored.from_plain, carried)
        elif (name := getattr(getattr(node, "gateway", None), "id", "")) not in self._lost:
            self._lost.append(str(name))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Hand over what was seen, and fail the session for it if that was asked for."""
        if hasattr(self._config, "workeroutput"):
            carried = [monitored.to_plain() for monitored in self._found]
            self._config.workeroutput[_CARRIED] = carried
            return (yield)
        self._found.sort(key=lambda monitored: monitored.process)
        if self._fails() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def _fails(self) -> bool:
        return self._options.fails and any(monitored.warnings for monitored in self._found)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show how memory went over the session, and what ought not to go unnoticed."""
        verbosity = self._config.get_verbosity()
        warned = any(monitored.warnings for monitored in self._found)
        heard = self._lost or self._trouble
        if not (heard or (self._found and (verbosity >= 0 or warned))):
            return
        terminalreporter.write_sep("-", "leak monitor")
        for monitored in self._found:
            for line in monitor_lines(monitored, limit=None if verbosity > 0 else 5):
                terminalreporter.write_line(line)
        if self._trouble:
            terminalreporter.write_line(self._trouble)
        for name in self._lost:
            terminalreporter.write_line(f"worker {name} said nothing of what it had seen")
        if self._fails():
            number = sum(len(monitored.warnings) for monitored in self._found)
            text = f"leak monitor failed: {plural(number, 'warning')} (--leak-monitor-fail)"
            terminalreporter.write_line(text, red=True)
