"""What do Allure's results hold of a checked test? Its first run, and the leak that was found.

Allure's listener wraps the hooks of set-up, call and tear-down, and hears of steps and attachments
by a plugin manager of its own. Heard in re-runs, it would write a step and a fixture for each of
them, take a re-run's failure for the test's own, and keep all of that: a leak of our making.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pluggy
import pytest

_LISTENER = "allure_listener"
_for_allure = pluggy.HookimplMarker("allure")


def is_active(config: pytest.Config) -> bool:
    """Tell whether Allure's results are written in this process."""
    return config.pluginmanager.has_plugin(_LISTENER)


@contextmanager
def unheard(config: pytest.Config) -> Iterator[None]:
    """Let Allure's listener hear nothing, neither from pytest nor from a test."""
    listener = config.pluginmanager.get_plugin(_LISTENER)
    if listener is None:
        yield
        return
    with _without(listener, config.pluginmanager), _without(listener, _managers_own()):
        yield


def show_leaks(config: pytest.Config) -> None:
    """Let the result of a test that fails by its verdict say so."""
    leaks = _Leaks()
    manager = _managers_own()
    config.pluginmanager.register(leaks)
    manager.register(leaks)  # without a name: sessions inside tests share it
    config.add_cleanup(lambda: manager.unregister(leaks))


class _Leaks:
    """Carries a failure from pytest's report to Allure's result, which was made before it."""

    def __init__(self) -> None:
        self._failure: tuple[str, str] | None = None  # one sentence, and the whole text

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Forget the last test."""
        self._failure = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a verdict has made of a test's call."""
        if report.when == "call" and report.failed and hasattr(report, "leakguard"):
            crash: Any = getattr(report.longrepr, "reprcrash", None)
            self._failure = (getattr(crash, "message", ""), report.longreprtext)

    @_for_allure(tryfirst=True)
    def report_result(self, result: Any) -> None:
        """Say it in a result that is about to be written."""
        if self._failure is not None:
            model: Any = import_module("allure_commons.model2")
            sentence, text = self._failure
            result.status = model.Status.FAILED
            result.statusDetails = model.StatusDetails(message=sentence, trace=text)
            self._failure = None


def _managers_own() -> Any:
    """Return the plugin manager by which Allure's parts tell each other."""
    commons: Any = import_module("allure_commons")  # it ships a type checker's marker, but no types
    return commons.plugin_manager.get_plugin_manager()


@contextmanager
def _without(plugin: object, manager: Any) -> Iterator[None]:
    """Call no hook of a plugin."""
    inner = manager._inner_hookexec

    def execute(
        name: str, methods: Sequence[Any], kwargs: Mapping[str, object], firstresult: bool
    ) -> Any:
        others = [method for method in methods if method.plugin is not plugin]
        return inner(name, others, kwargs, firstresult)

    manager._inner_hookexec = execute
    try:
        yield
    finally:
        manager._inner_hookexec = inner
