"""How does a person see that a test is still being run again? By a line that comes and goes."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, final

import pytest

from pytest_leakguard.clock import now
from pytest_leakguard.runner import Subject

#: What is over sooner is not worth a line.
_PATIENCE_SECONDS = 1.0
_INTERVAL_SECONDS = 0.2
_SAVE, _RESTORE, _ERASE = "\x1b7", "\x1b8", "\x1b[K"


@final
class Progress:
    """Writes behind the cursor of the session's terminal, and takes it back; nothing elsewhere.

    Args:
        config: The session's configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._writer: Any = None
        self._descriptor: int | None = None
        self._is_shown = False

    def open(self) -> None:
        """Be ready to write, if there is a terminal; to be called while pytest captures nothing."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        is_smart = os.name == "posix" and os.environ.get("TERM", "dumb") != "dumb"
        if getattr(reporter, "isatty", False) and is_smart and self._config.get_verbosity() >= 0:
            self._writer = reporter._tw
            with suppress(Exception):  # a stream without a descriptor
                # Re-runs point descriptors nowhere, but not copies that they do not know.
                self._descriptor = os.dup(self._writer._file.fileno())

    def close(self) -> None:
        """Write no more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def of(self, subject: Subject) -> Subject:
        """Return a subject whose runs are shown, if they can be."""
        return subject if self._descriptor is None else _Shown(subject, self)

    @property
    def room(self) -> int:
        """Columns from the cursor to the end of the line."""
        return int(self._writer.fullwidth - self._writer.width_of_current_line - 1)

    def show(self, text: str) -> None:
        """Write something where the cursor is, in the place of what was shown before."""
        self._is_shown = True
        self._write(f"{_ERASE}{_SAVE}{text}{_RESTORE}")

    def erase(self) -> None:
        """Take back what was shown."""
        if self._is_shown:
            self._is_shown = False
            self._write(_ERASE)

    def _write(self, text: str) -> None:
        if self._descriptor is not None:
            with suppress(OSError):  # the terminal is gone
                os.write(self._descriptor, text.encode("ascii"))


@final
class _Shown:
    """A subject whose runs are shown once they take long."""

    def __init__(self, subject: Subject, progress: Progress) -> None:
        self._subject = subject
        self._progress = progress
        self._room = progress.room
        self._runs = 0
        self._began = now()
        self._due = self._began + _PATIENCE_SECONDS

    def run(self) -> None:
        """Run once, and tell how far it has come."""
        self._runs += 1
        if (time := now()) >= self._due:
            self._due = time + _INTERVAL_SECONDS
            text = f" leak check: re-run {self._runs}, {time - self._began:.0f} s"
            self._progress.show(text[: self._room])
        self._subject.run()
