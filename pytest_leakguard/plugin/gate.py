"""What passes between pytest and its reporters while one test is checked?

The first run's passed call report is held back until the verdict is known, which is when the test
itself has been torn down and everything wider still stands. Nothing that a re-run reports passes at
all. The gate stands in the hook calls of this session's plugin manager only, so that sessions
inside tests are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, cast

import pytest

from pytest_leakguard.clock import now
from pytest_leakguard.plugin.neighbours import ends_file
from pytest_leakguard.plugin.protocol import TearDown, leave_no_frames

#: The hook calls by which a run reaches its reporters.
REPORTING = frozenset(
    {
        "pytest_runtest_logreport",
        "pytest_exception_interact",
        "pytest_warning_recorded",
        "pytest_runtest_logstart",
        "pytest_runtest_logfinish",
    }
)
_Execute = Callable[[str, Sequence[Any], Mapping[str, object], bool], Any]
Settle = Callable[[pytest.TestReport], None]


class Gate:
    """The hook calls of one test's protocol.

    Args:
        item: The test.
        judge: Runs the test again; returns what gives the call report its final outcome.
        leave_file: Called before anything is torn down that the tests of a file share.

    Attributes:
        rerunning: Whether the current run is a re-run.
        failed_on_the_side: Whether a report other than those of the phases failed, such as a
            subtest's, since the current run began.
    """

    def __init__(
        self,
        item: pytest.Item,
        judge: Callable[[Gate], Settle],
        leave_file: Callable[[], None],
    ) -> None:
        self._item = item
        self._leave_file = leave_file
        self._judge = judge
        self._manager: Any = item.config.pluginmanager
        self._inner: _Execute = self._manager._inner_hookexec
        self._held: list[Callable[[], object]] = []
        self._reports: dict[str, pytest.TestReport] = {}
        self._settle: Settle | None = None
        self._interrupt: BaseException | None = None
        self._rerun_seconds = 0.0
        self._entered_pdb = False
        self.rerunning = False
        self.failed_on_the_side = False

    def __enter__(self) -> Gate:
        self._inner = self._manager._inner_hookexec
        self._manager._inner_hookexec = self._execute
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._manager._inner_hookexec = self._inner
        self._release()
        self._settle = None
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None and exc is None:
            try:
                raise interrupt.with_traceback(_with_lines(interrupt.__traceback__))
            finally:
                del interrupt

    @property
    def stopping(self) -> bool:
        """Whether the session stops once the first run's reports have gone out."""
        return self._interrupt is not None

    @property
    def own_seconds(self) -> float:
        """Duration of the first run's set-up and call, in seconds."""
        return sum(report.duration for report in self._reports.values())

    def stop(self, interrupt: BaseException) -> None:
        """Have the session stop once the first run's reports have gone out.

        Args:
            interrupt: What the user has stopped it by.
        """
        self._interrupt = interrupt

    def _passed_so_far(self) -> bool:
        """Tell whether set-up and call passed, without an expected failure."""
        setup, call = self._reports.get("setup"), self._reports.get("call")
        return (
            setup is not None
            and call is not None
            and setup.passed
            and call.passed
            and not hasattr(call, "wasxfail")
            and not self._entered_pdb
            and not self.failed_on_the_side
        )

    def _release(self) -> None:
        """Let through what is held, in its order."""
        while self._held:
            self._held.pop(0)()

    def _execute(
        self, name: str, methods: Sequence[Any], kwargs: Mapping[str, object], firstresult: bool
    ) -> Any:
        if self.rerunning:
            if name not in REPORTING:
                return self._inner(name, methods, kwargs, firstresult)
            return self._withhold(name, kwargs, firstresult)

        def let_through() -> Any:
            return self._inner(name, methods, kwargs, firstresult)

        if kwargs.get("item") is self._item:
            if name == "pytest_runtest_makereport":
                return self._make_report(let_through, kwargs["call"])
            if name == "pytest_runtest_teardown":
                return self._tear_down(name, methods, kwargs, firstresult)
        if name == "pytest_runtest_logreport":
            return self._log_report(let_through, kwargs["report"])
        if name == "pytest_enter_pdb":
            self._entered_pdb = True
        elif name in REPORTING:
            self._release()
        return let_through()

    def _withhold(self, name: str, kwargs: Mapping[str, object], firstresult: bool) -> Any:
        if name == "pytest_runtest_logreport":
            self._note_failure(kwargs["report"])
        return None if firstresult else []

    def _make_report(self, make: Callable[[], Any], call: object) -> Any:
        if isinstance(call, pytest.CallInfo) and call.when == "teardown":
            call.duration = max(call.duration - self._rerun_seconds, 0.0)
        for info in _errors_of(self._item, call):
            with suppress(Exception):  # some plugins make reports from what is no error
                leave_no_frames(info.value)
        report = make()
        if isinstance(call, pytest.CallInfo) and isinstance(report, pytest.TestReport):
            if call.when == "setup":  # also of a further attempt of --reruns
                self._reports.clear()
                self._settle = None
                self._rerun_seconds = 0.0
                self.failed_on_the_side = False
            self._reports[call.when] = report
        return report

    def _log_report(self, log: Callable[[], Any], report: object) -> Any:
        if report is not self._reports.get("call"):
            self._note_failure(report)
            return log()
        if self._settle is not None:  # logged after all phases, as --reruns does
            self._settle_report()
        elif self._passed_so_far() and "teardown" not in self._reports:
            self._held.append(log)
            return []
        return log()

    def _note_failure(self, report: object) -> None:
        if (
            isinstance(report, pytest.TestReport)
            and report.nodeid == self._item.nodeid
            and report.failed
            and report not in self._reports.values()
        ):
            self.failed_on_the_side = True

    def _settle_report(self) -> None:
        settle, self._settle = self._settle, None
        if settle is not None:
            settle(self._reports["call"])

    def _tear_down(
        self, name: str, methods: Sequence[Any], kwargs: Mapping[str, object], firstresult: bool
    ) -> Any:
        if not self._passed_so_far():
            self._release()
            return self._inner(name, methods, kwargs, firstresult)
        tear_down = TearDown(self._item)
        try:
            with tear_down.keeping_wider():
                result = self._inner(name, methods, kwargs, firstresult)
            if not tear_down.kept_wider:
                return result
            begun = now()
            self._judge_now()
            self._rerun_seconds = now() - begun
        finally:
            was_ending = self._is_ending()
            if self._held:
                self._settle_report()
            self._release()
        if ends_file(self._item, kwargs["nextitem"]):
            self._leave_file()
        if self._interrupt is None:
            ends_now = self._is_ending() and not was_ending
            core = [method for method in methods if _is_core(method)]
            tear_down.wider(
                lambda nextitem: self._inner(
                    name, core, {**kwargs, "nextitem": nextitem}, firstresult
                ),
                at_once=ends_now,
            )
        return result

    def _judge_now(self) -> None:
        try:
            self._settle = self._judge(self)
        except (KeyboardInterrupt, pytest.exit.Exception) as interrupt:
            self.stop(interrupt)

    def _is_ending(self) -> bool:
        return bool(self._item.session.shouldfail or self._item.session.shouldstop)


def _errors_of(item: pytest.Item, call: object) -> list[Any]:
    """Return what a phase has raised, and what a TestCase has noted, which takes its place."""
    noted = getattr(item, "_excinfo", None)
    errors = list(noted) if isinstance(noted, list) else []
    if isinstance(call, pytest.CallInfo) and call.excinfo is not None:
        errors.append(call.excinfo)
    return errors


def _is_core(method: Any) -> bool:
    """Tell whether a hook is implemented by pytest itself: others have had their call."""
    return str(getattr(method.function, "__module__", "")).partition(".")[0] == "_pytest"


def _with_lines(traceback: TracebackType | None) -> TracebackType | None:
    """Give each entry a line: the jump that ends a loop may have none, and pytest asks for one."""
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    given = None
    for entry in reversed(entries):
        line = cast("int | None", entry.tb_lineno)
        first = entry.tb_frame.f_code.co_firstlineno
        given = TracebackType(
            given, entry.tb_frame, entry.tb_lasti, first if line is None else line
        )
    return given
