"""How do a session's snapshots of the heap come about: of leaking tests, and by a signal?"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from pytest_leakguard.errors import UnsupportedInterpreterError
from pytest_leakguard.interpreter import require_cpython
from pytest_leakguard.model import Result
from pytest_leakguard.plugin.options import SnapshotDirectory
from pytest_leakguard.snapshots.keeping import Shelf
from pytest_leakguard.snapshots.pairs import Pair
from pytest_leakguard.snapshots.signals import Trigger

_NAME = "leakguard-snapshots"


def start(config: pytest.Config, directory: SnapshotDirectory) -> None:
    """Take snapshots in this process until the session's configuration ends.

    Raises:
        pytest.UsageError: It is not CPython.
    """
    try:
        require_cpython()
    except UnsupportedInterpreterError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(SessionSnapshots(config, directory), _NAME)


def recorder_of(item: pytest.Item) -> Pair | None:
    """Return what takes the snapshots of a test."""
    taking: SessionSnapshots | None = item.config.pluginmanager.get_plugin(_NAME)
    return None if taking is None else taking.recorder(item.nodeid)


def discard(result: Result) -> Result:
    """Remove the snapshots of what turned out to be no leak."""
    for file in result.snapshots:
        with suppress(OSError):
            os.unlink(file)
    return replace(result, snapshots=())


def still_there(result: Result) -> Result:
    """Name no snapshots that have been removed since, to make room for later ones."""
    if all(map(os.path.exists, result.snapshots)):
        return result
    why = "removed to make room for later ones: --leak-snapshots-keep=N keeps more"
    return replace(result, snapshots=(), no_snapshots=why)


class SessionSnapshots:
    """The snapshots of one process, and the hooks that go with them.

    Args:
        config: The session's configuration.
        directory: Where they are saved, and by which signal some are taken.
    """

    def __init__(self, config: pytest.Config, directory: SnapshotDirectory) -> None:
        worker = getattr(config, "workerinput", {})
        self._worker: str = worker.get("workerid", "")
        self._root = str(config.rootpath)
        self._shown = directory.shown
        self._shelf = Shelf(directory.path, directory.retention)
        self._descriptor = _standard_error()
        self._trigger: Trigger | None = None
        self._handled = "no signal takes one"
        if not self._worker:
            self._shelf.prune()
        if directory.signal is not None:
            self._trigger = Trigger(
                self._shelf,
                directory.signal,
                root=self._root,
                worker=self._worker,
                say=self._say,
            )
            command = f"kill -{directory.signal.name.removeprefix('SIG')} {os.getpid()}"
            trouble = self._trigger.install()
            self._handled = trouble or f"{command} takes one at any moment"
        config.add_cleanup(self._close)

    def recorder(self, nodeid: str) -> Pair:
        """Return what takes the snapshots of a test."""
        trigger = self._trigger
        return Pair(
            self._shelf,
            test=nodeid,
            root=self._root,
            worker=self._worker,
            disturbances=lambda: 0 if trigger is None else trigger.disturbances,
        )

    def pytest_report_header(self) -> str:
        """Say where snapshots go, and how to have one taken."""
        return f"leakguard: snapshots in {self._shown}; {self._handled}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Name the snapshots that were taken by a signal; workers have told of theirs at once."""
        for path in self._trigger.taken if self._trigger is not None else ():
            terminalreporter.write_line(f"snapshot taken by a signal: {path}")

    def _say(self, sentence: str) -> None:
        """Write to the session's standard error, whatever a test's has been made into."""
        if self._descriptor >= 0:
            text = f"leakguard: {sentence}\n"
            with suppress(OSError):
                os.write(self._descriptor, text.encode("utf-8", "backslashreplace"))

    def _close(self) -> None:
        if self._trigger is not None:
            self._trigger.remove()
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1


def _standard_error() -> int:
    """Return a copy of where standard error goes before any test; -1 if it goes nowhere."""
    with suppress(OSError, ValueError, AttributeError):
        stream = sys.__stderr__
        return os.dup(2 if stream is None else stream.fileno())
    return -1
