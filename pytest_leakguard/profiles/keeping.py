"""Where do the files of a profile lie? In a directory of its own, which comes and goes as a whole.

Only files that are called as a profile's are ever removed, and a directory only once it is empty.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, final

from pytest_leakguard.keeping import Names, Origin, Retention, origin_of

_T = TypeVar("_T")
CAPTURE, FLAME_GRAPH, TABLE, TEXT = "capture.bin", "flamegraph.html", "leaks.html", "leaks.txt"
_FILES = (CAPTURE, FLAME_GRAPH, TABLE, TEXT)
#: What is hidden is being made, by this process or another one, or was left by one that was killed:
#: nobody takes so long, in seconds.
_LONGEST = 24 * 3600.0


@final
class Cabinet:
    """A directory of profiles, as one process sees it.

    Args:
        directory: Where they are; made when the first is saved.
        retention: Which of them stay.
        clock: Returns the seconds since 1970 (UTC).
    """

    def __init__(
        self, directory: Path, retention: Retention, clock: Callable[[], float] = time.time
    ) -> None:
        self.directory = directory
        self._retention = retention
        self._clock = clock
        self._names = Names()

    def add(self, label: str, fill: Callable[[Path], _T]) -> tuple[Path, _T]:
        """Add a profile, whole or not at all, and remove what is too old or too much.

        Args:
            label: What it is of, for its name.
            fill: Writes the files into the directory that it is given, which is moved afterwards.

        Returns:
            The profile's directory, and what ``fill`` returns.

        Raises:
            OSError: It cannot be written.
        """
        name = self._names.name(self._clock(), os.getpid(), label, default="test")
        hidden, shown = self.directory / f".{name}", self.directory / name
        hidden.mkdir(parents=True)
        try:
            filled = fill(hidden)
            hidden.rename(shown)
        except BaseException:
            _remove(hidden)
            raise
        self.prune(spared=shown)
        return shown, filled

    def prune(self, spared: Path | None = None) -> None:
        """Remove profiles that are too old or too many. What cannot be removed stays.

        Args:
            spared: One that stays in any case.
        """
        shown: dict[Origin, Path] = {}
        with suppress(OSError):
            for path in self.directory.iterdir():
                one = origin_of(path.name.removeprefix("."))
                if one is None or path.is_symlink() or not path.is_dir():
                    continue
                if not path.name.startswith("."):
                    shown[one] = path
                elif one[0] < self._clock() - _LONGEST:
                    _remove(path)
        for one in self._retention.expired(shown, self._clock()):
            if shown[one] != spared:
                _remove(shown[one])


def _remove(directory: Path) -> None:
    """Remove the files of a profile, and their directory unless there is something else in it."""
    for name in _FILES:
        with suppress(OSError):
            (directory / name).unlink()
    with suppress(OSError):
        directory.rmdir()
