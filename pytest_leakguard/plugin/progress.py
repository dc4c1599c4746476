"""How does a person see that a test is still being run again? By a line that comes and goes."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, final

import pytest

from pytest_leakguard.clock import now
from pytest_leakguard.runner import Subject
from pytest_leakguard.soak.watching import Line

#: What is over sooner is not worth a line.
_PATIENCE_SECONDS = 1.0
_INTERVAL_SECONDS = 0.2
#: The first number that is not one of those that the interpreter keeps for all: there would be one
#: block of memory more once a soak's runs are as many.
_UNCACHED = 257
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
        self._line: Line | None = None

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
        self._line = None
        return subject if self._descriptor is None else _Shown(subject, self)

    def soaks(self, line: Line) -> None:
        """Show how far a soak is, while it goes on, and not how many re-runs there were."""
        self._line = line

    def fitting(self, ordinary: str, room: int) -> str:
        """Return what is shown: as many parts of a soak's line as there is room for, else a text.

        Args:
            ordinary: What is shown where nothing is being soaked.
            room: Columns that are free.
        """
        parts = self._line() if self._line is not None else ()
        while len(text := f" {', '.join(parts)}") > room and len(parts) > 1:
            parts = parts[:-1]
        return (text if parts else ordinary)[:room]

    @property
    def room(self) -> int:
        """Columns from the cursor to the end of the line."""
        return int(self._writer.fullwidth - self._writer.width_of_current_line - 1)

    def show(self, text: str) -> None:
        """Write something where the cursor is, in the place of what was shown before."""
        self._is_shown = True
        self._write(f"{_ERASE}{_SAVE}{text}{_RESTORE}")

    def erase(self) -> None:
        """Take back what was shown, and let go of what showed it."""
        self._line = None
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
        self._runs = _UNCACHED
        self._began = now()
        self._due = self._began + _PATIENCE_SECONDS

    def run(self) -> None:
        """Run once, and tell how far it has come."""
        self._runs += 1  # a block of memory for a block
        if (time := now()) >= self._due:
            self._due = time + _INTERVAL_SECONDS
            runs = self._runs - _UNCACHED
            ordinary = f" leak check: re-run {runs}, {time - self._began:.0f} s"
            self._progress.show(self._progress.fitting(ordinary, self._room))
        self._subject.run()
