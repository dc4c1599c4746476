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
from pytest_leakguard.plugin import allure, arguments, markers, options
from pytest_leakguard.plugin.fixture import leakguard

if TYPE_CHECKING:
    from pytest_leakguard.plugin.session import LeakSession

__all__ = ["leakguard"]

#: The session's state, while it checks anything.
session_key = pytest.StashKey["LeakSession"]()
options_key = pytest.StashKey[options.Options]()
_PLUGIN_NAME = "leakguard-session"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and their ini twins."""
    arguments.add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and read the options once."""
    config.addinivalue_line("markers", markers.NOLEAK)
    config.addinivalue_line("markers", markers.LEAKS)
    config.stash[options_key] = resolved = options.resolve(config)
    if resolved.snapshots is not None:
        from pytest_leakguard.plugin.snapshots import start

        start(config, resolved.snapshots)
    if resolved.mode == "all" or resolved.reports:
        _activate(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is checked and what cannot be counted here, if a mode was asked for."""
    resolved = config.stash[options_key]
    if not resolved.asked or resolved.mode == "off":
        return []
    return _activate(config).header()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a misused marker into a collection error of its file."""
    report = yield
    resolved = collector.config.stash[options_key]
    if report.outcome != "passed" or resolved.mode == "off":
        return report
    problems = []
    for item in report.result:
        if isinstance(item, pytest.Item):
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
    resolved = config.stash[options_key]
    if resolved.mode == "off":
        return
    for item in items:
        if any(mark.name in markers.NAMES for mark in item.own_markers):
            try:
                markers.read_plan(item, resolved.settings)
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

        config.stash[session_key] = LeakSession(config, config.stash[options_key])
        config.pluginmanager.register(config.stash[session_key], _PLUGIN_NAME)
        if allure.is_active(config):
            allure.show_leaks(config)
    return config.stash[session_key]
