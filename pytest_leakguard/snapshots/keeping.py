"""Which snapshots stay on the disk? The latest, up to a number and an age; and no other file goes.

A pair counts as one. Files are told by their names and how they begin, so that what somebody else
has put beside them is never removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import final

from pytest_leakguard.files import replacing_bytes
from pytest_leakguard.keeping import Names, Origin, Retention, origin_of
from pytest_leakguard.snapshots import form
from pytest_leakguard.snapshots.model import Snapshot
from pytest_leakguard.snapshots.reading import begins_as_ours
from pytest_leakguard.snapshots.writing import write


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
        self._names = Names()

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
        head = self._names.name(header.time, header.pid, label, default="session")
        written: list[Path] = []
        try:
            for ending, snapshot in snapshots:
                name = "-".join(filter(None, (head, ending)))
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
        sets: dict[Origin, list[Path]] = {}
        with suppress(OSError):
            for path in self.directory.iterdir():
                name = path.name.removesuffix(form.SUFFIX)
                if name != path.name and (one := origin_of(name)) is not None:
                    sets.setdefault(one, []).append(path)
        removed = 0
        for one in self._retention.expired(sets, self._clock()):
            for path in sets[one]:
                if path not in spared and not path.is_symlink() and begins_as_ours(path):
                    with suppress(OSError):
                        path.unlink()
                        removed += 1
        return removed
