"""How many files and directories have the runs left in the directory for temporary ones?

Other processes use that directory as well, so that listing it would count theirs. What this process
makes is told by its audit events: no file is counted that it did not make itself.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePath

#: Room for the names of files made since the last sample, in bytes: some thousands.
_ROOM_BYTES = 1 << 18
_MADE = frozenset({"tempfile.mkstemp", "tempfile.mkdtemp"})
#: Events whose first value is a path that may come into being.
_NAMED_FIRST = frozenset({"os.mkdir", "sqlite3.connect"})
_SEPARATOR = b"\0"


class _Notes:
    """Names of files that were made, in memory taken once: noting one allocates nothing.

    Attributes:
        is_on: Whether files that are made now are noted.
        used: Bytes of that memory in use.
    """

    def __init__(self) -> None:
        self.is_on = False
        self._hooked = False
        self._room = bytearray(0)
        self.used = 0
        self._directory = ""
        self._kept: re.Pattern[str] | None = None

    def start(self, kept: re.Pattern[str] | None) -> None:
        """Note from now on what is made.

        Args:
            kept: Is found in paths that somebody else clears away.
        """
        if not self._hooked:  # a hook cannot be taken away: only who counts gets one
            self._room = bytearray(_ROOM_BYTES)
            sys.addaudithook(self._hear)
            self._hooked = True
        self._directory = _directory()
        self._kept = kept
        self.used = 0
        self.is_on = True

    def stop(self) -> None:
        """Note no more."""
        self.is_on = False

    def names_temporary(self, text: str) -> bool:
        """Tell whether a path below the directory for temporary files is part of a text."""
        if self._directory and self._directory in text:
            return True
        return self._kept is not None and self._kept.search(text) is not None

    def paths(
        self,
        _exists: Callable[[bytes], bool] = os.path.lexists,
    ) -> list[bytes]:
        """Return what was made and is still there, and forget the rest."""
        if not self.used:
            return []
        noted = bytes(self._room[: self.used]).split(_SEPARATOR)
        there = [path for path in dict.fromkeys(noted) if path and _exists(path)]
        left = b"".join([path + _SEPARATOR for path in there])
        self._room[: len(left)] = left
        self.used = len(left)
        return there

    def _hear(self, event: str, values: tuple[object, ...]) -> None:
        if not self.is_on:
            return
        if event == "open":
            path, _, flags = values
            if not isinstance(flags, int) or not flags & os.O_CREAT:
                return
        elif event in _NAMED_FIRST or event in _MADE:
            path = values[0]
        elif event == "socket.bind":
            path = values[1]
        else:
            return
        if isinstance(path, (str, bytes, PurePath)):
            with suppress(OSError, ValueError):  # what the test does has to go on
                self._note(os.path.abspath(os.fsdecode(path)), anywhere=event in _MADE)

    def _note(self, path: str, *, anywhere: bool) -> None:
        if not (anywhere or path.startswith(self._directory)):
            return
        if self._kept is not None and self._kept.search(path):
            return
        entry = os.fsencode(path) + _SEPARATOR
        end = self.used + len(entry)
        if end <= _ROOM_BYTES:
            self._room[self.used : end] = entry
            self.used = end


_notes = _Notes()


def _directory() -> str:
    """Return where temporary files go, without having ``tempfile`` make up its mind."""
    chosen = getattr(sys.modules.get("tempfile"), "tempdir", None)
    for name in ("TMPDIR", "TEMP", "TMP"):
        chosen = chosen or os.environ.get(name)
    return os.path.join(os.path.abspath(os.fsdecode(chosen or "/tmp")), "")  # noqa: S108  # a default


class TempFiles:
    """Temporary files and directories that this process made and that are still there."""

    name = "temp_files"
    noun = "temporary file"

    @staticmethod
    def works() -> bool:
        """Return True: every build that we support has audit hooks."""
        return True

    def read(self) -> int:
        """Return their number."""
        return len(_notes.paths())


@contextmanager
def noting(kept: re.Pattern[str] | None = None) -> Iterator[None]:
    """Note inside which files are made.

    Args:
        kept: Is found in paths that somebody else clears away, such as a test runner.
    """
    _notes.start(kept)
    try:
        yield
    finally:
        _notes.stop()


def names_temporary(text: str) -> bool:
    """Tell whether a path below the directory for temporary files is part of a text.

    It is the directory of the time when files were noted last.
    """
    return _notes.names_temporary(text)


def noted_bytes() -> int:
    """Return how much has been noted: it changes when a file is made, and no file is looked at."""
    return _notes.used


def describe_made() -> dict[str, str]:
    """Return the files that are counted, each by its path."""
    return {path: path for path in map(os.fsdecode, _notes.paths())}
