"""What passes between pytest and its reporters while one test is checked?

The first run's passed call report, and the tear-down report after it, are held back until the
verdict is known; nothing that a re-run reports passes at all. The gate stands in the hook calls of
this session's plugin manager only, so that sessions inside tests are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import pytest

_REPORTING = frozenset(
    {
        "pytest_runtest_logreport",
        "pytest_exception_interact",
        "pytest_warning_recorded",
        "pytest_runtest_logstart",
        "pytest_runtest_logfinish",
    }
)
_Execute = Callable[[str, Sequence[Any], Mapping[str, object], bool], Any]


class Gate:
    """The hook calls of one test's protocol.

    Args:
        item: The test.

    Attributes:
        reports: The first run's latest report of each phase, as its makers left it.
        narrowed: Whether the first run was torn down only as far as the item.
        rerunning: Whether the current run is a re-run.
        entered_pdb: Whether the user went into the debugger.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._manager: Any = item.config.pluginmanager
        self._inner: _Execute = self._manager._inner_hookexec
        self._held: list[Callable[[], object]] = []
        self.reports: dict[str, pytest.TestReport] = {}
        self.teardown_error: BaseException | None = None
        self.narrowed = False
        self.rerunning = False
        self.entered_pdb = False

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
        self.teardown_error = None
        self.release()

    @property
    def holds_passed_call(self) -> bool:
        """Whether the first run passed in all phases and its call report waits for the verdict."""
        return (
            bool(self._held)
            and self.passed_so_far()
            and "teardown" in self.reports
            and self.reports["teardown"].passed
        )

    def passed_so_far(self) -> bool:
        """Tell whether set-up and call passed, without an expected failure."""
        setup, call = self.reports.get("setup"), self.reports.get("call")
        return (
            setup is not None
            and call is not None
            and setup.passed
            and call.passed
            and not hasattr(call, "wasxfail")
            and not self.entered_pdb
        )

    def take_teardown(self) -> list[Callable[[], object]]:
        """Take out what is held after the call report: the caller lets it through, or its own."""
        held, self._held = self._held[1:], self._held[:1]
        return held

    def release(self) -> None:
        """Let everything through that is held, in its order."""
        while self._held:
            self._held.pop(0)()

    def _execute(
        self, name: str, methods: Sequence[Any], kwargs: Mapping[str, object], firstresult: bool
    ) -> Any:
        if self.rerunning:
            if name in _REPORTING:
                return None if firstresult else []
            return self._inner(name, methods, kwargs, firstresult)
        if name == "pytest_runtest_makereport" and kwargs.get("item") is self._item:
            return self._make_report(name, methods, kwargs, firstresult)
        if name == "pytest_runtest_teardown" and kwargs.get("item") is self._item:
            self.narrowed = self.passed_so_far()
            if self.narrowed:  # wider fixtures are kept for the re-runs
                kwargs = {**kwargs, "nextitem": self._item.parent}
        elif name == "pytest_enter_pdb":
            self.entered_pdb = True
        elif self._must_wait(name, kwargs):
            inner = self._inner
            self._held.append(lambda: inner(name, methods, kwargs, firstresult))
            return None if firstresult else []
        elif name == "pytest_runtest_logstart":  # a further attempt of --reruns
            self.release()
        return self._inner(name, methods, kwargs, firstresult)

    def _must_wait(self, name: str, kwargs: Mapping[str, object]) -> bool:
        if name == "pytest_runtest_logreport":
            report = kwargs["report"]
            if report is self.reports.get("call"):
                return self.passed_so_far()
            return bool(self._held) and report is self.reports.get("teardown")
        return name == "pytest_runtest_logfinish" and bool(self._held)

    def _make_report(
        self, name: str, methods: Sequence[Any], kwargs: Mapping[str, object], firstresult: bool
    ) -> Any:
        report = self._inner(name, methods, kwargs, firstresult)
        call = kwargs["call"]
        if isinstance(call, pytest.CallInfo) and isinstance(report, pytest.TestReport):
            if call.when == "setup":
                self.reports.clear()
            self.reports[call.when] = report
            if call.when == "teardown" and self.narrowed:
                self.teardown_error = call.excinfo.value if call.excinfo else None
        return report
