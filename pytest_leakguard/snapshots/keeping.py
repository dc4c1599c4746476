"""Which snapshots stay on the disk? The latest, up to a number and an age; and no other file goes.

A pair counts as one. Files are told by their names and how they begin, so that what somebody else
has put beside them is never removed.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import final

from pytest_leakguard.files import replacing_bytes
from pytest_leakguard.snapshots import form
from pytest_leakguard.snapshots.model import Snapshot
from pytest_leakguard.snapshots.reading import begins_as_ours
from pytest_leakguard.snapshots.writing import write

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(
    r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-"
    rf"(?P<pid>\d+)-(?P<serial>\d+)-.+{re.escape(form.SUFFIX)}"
)
_UNFIT = re.compile(r"[^A-Za-z0-9_.]+")
_MOST_LABEL = 60

#: When files were made, by which process, and as which of its own.
_Set = tuple[float, int, int]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many snapshots stay.

    Attributes:
        most: Pairs and moments together, the latest; at least 1.
        age: For how long, in seconds.
    """

    most: int = 50
    age: float = 720 * 3600.0


@final
class Shelf:
    """A directory of snapshots, as one process sees it.

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
        self._serials = itertools.count(1)

    def save(self, snapshots: Sequence[tuple[str, Snapshot]], label: str) -> tuple[Path, ...]:
        """Save snapshots that belong together, all or none, and remove what is too old or too much.

        Args:
            snapshots: How each one's name ends, such as ``before``, and the snapshot.
            label: What they are of, for their names.

        Returns:
            Their files.

        Raises:
            OSError: They cannot be written.
            UnusableSnapshotError: One is larger than what is read.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        header = snapshots[0][1].header
        stamp = datetime.fromtimestamp(header.time, timezone.utc).strftime(_STAMP)
        label = _UNFIT.sub("_", label)[:_MOST_LABEL].strip("_.") or "session"
        head = f"{stamp}-{header.pid}-{next(self._serials)}"
        written: list[Path] = []
        try:
            for ending, snapshot in snapshots:
                name = "-".join(filter(None, (head, label, ending)))
                path = self.directory / f"{name}{form.SUFFIX}"
                written.append(path)
                write(path, snapshot)
        except BaseException:
            for path in written:
                with suppress(OSError):
                    path.unlink()
            raise
        self.prune(spared=written)
        return tuple(written)

    def prepare(self) -> None:
        """Write and remove a file once: what is made at the first time is then there.

        Raises:
            OSError: The directory cannot be made or written to.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        probe = self.directory / f".probe{form.SUFFIX}"
        with replacing_bytes(probe):
            pass
        probe.unlink(missing_ok=True)

    def prune(self, spared: Sequence[Path] = ()) -> int:
        """Remove snapshots that are too old or too many.

        Another process may do the same meanwhile. What cannot be removed stays.

        Args:
            spared: Files that stay in any case.

        Returns:
            How many files were removed.
        """
        sets: dict[_Set, list[Path]] = {}
        with suppress(OSError):
            for path in self.directory.iterdir():
                if (one := _set_of(path.name)) is not None:
                    sets.setdefault(one, []).append(path)
        oldest = self._clock() - self._retention.age
        removed = 0
        for rank, one in enumerate(sorted(sets, reverse=True)):
            if rank < self._retention.most and one[0] >= oldest:
                continue
            for path in sets[one]:
                if path not in spared and not path.is_symlink() and begins_as_ours(path):
                    with suppress(OSError):
                        path.unlink()
                        removed += 1
        return removed


def _set_of(name: str) -> _Set | None:
    """Return what a file belongs to by its name; ``None`` if it is no snapshot's."""
    if (found := _NAME.fullmatch(name)) is None:
        return None
    try:
        # strptime holds a lock, and may be what a signal's handler has interrupted.
        year, month, day, hour, minute, second = map(int, found.groups()[:6])
        made = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:  # no day or no time
        return None
    return made.timestamp(), int(found["pid"]), int(found["serial"])
