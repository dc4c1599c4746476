"""The pytest plugin: the only package that imports pytest.

Here are only the hooks that every session pays for; the rest is imported when a session checks
something.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from pytest_leakguard.errors import UnsupportedInterpreterError
from pytest_leakguard.interpreter import require_cpython
from pytest_leakguard.plugin import allure, arguments, markers
from pytest_leakguard.plugin.fixture import leakguard

if TYPE_CHECKING:
    from pytest_leakguard.plugin.options import Options
    from pytest_leakguard.plugin.session import LeakSession

__all__ = ["leakguard"]

#: The session's state, while it checks anything.
session_key = pytest.StashKey["LeakSession"]()
options_key = pytest.StashKey["Options"]()
_PLUGIN_NAME = "leakguard-session"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and their ini twins."""
    arguments.add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and read the options if there are any."""
    config.addinivalue_line("markers", markers.NOLEAK)
    config.addinivalue_line("markers", markers.LEAKS)
    if arguments.are_given(config):
        _begin(config)


def options_of(config: pytest.Config) -> Options:
    """Return what the session was asked for; read once, when somebody asks.

    Raises:
        pytest.UsageError: A value does not fit. This is raised while pytest configures.
    """
    if options_key not in config.stash:
        from pytest_leakguard.plugin import options  # costs a third of the plugin's import

        config.stash[options_key] = options.resolve(config)
    return config.stash[options_key]


def _begin(config: pytest.Config) -> None:
    """Start whatever the options ask for before there are any tests."""
    resolved = options_of(config)
    if resolved.snapshots is not None:
        from pytest_leakguard.plugin.snapshots import start

        start(config, resolved.snapshots)
    if resolved.monitor:
        from pytest_leakguard.plugin.monitor import start as start_monitor

        start_monitor(config, judged_anyway=resolved.mode == "all")
    if resolved.mode == "all" or resolved.reports:
        _activate(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is checked and what cannot be counted here, if a mode was asked for."""
    if not arguments.are_given(config):
        return []
    resolved = options_of(config)
    if not resolved.asked or resolved.mode == "off":
        return []
    return _activate(config).header()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a misused marker into a collection error of its file."""
    report = yield
    if report.outcome != "passed":
        return report
    marked = markers.may_be_marked(collector, report.result)
    resolved = options_of(collector.config) if marked else None
    if resolved is None or resolved.mode == "off":
        return report
    problems = []
    for item in marked:
        try:
            plan = markers.read_plan(item, resolved.settings)
        except markers.MarkerError as error:
            problems.append(str(error))
        else:
            if plan is not None:
                _activate(collector.config)
    if problems:
        report.outcome = "failed"
        report.longrepr = "\n".join(problems)
        report.result = []
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Read the markers that plugins have added to tests after their collection."""
    for item in items:
        if markers.any_marker((item,)) and options_of(config).mode != "off":
            try:
                markers.read_plan(item, options_of(config).settings)
            except markers.MarkerError as error:
                raise pytest.UsageError(str(error)) from None
            _activate(config)


def _activate(config: pytest.Config) -> LeakSession:
    """Start the part of the plugin that checks; imports what measuring needs."""
    if session_key not in config.stash:
        try:
            require_cpython()
        except UnsupportedInterpreterError as error:
            raise pytest.UsageError(str(error)) from None
        from pytest_leakguard.plugin.session import LeakSession

        config.stash[session_key] = LeakSession(config, options_of(config))
        config.pluginmanager.register(config.stash[session_key], _PLUGIN_NAME)
        if allure.is_active(config):
            allure.show_leaks(config)
    return config.stash[session_key]
