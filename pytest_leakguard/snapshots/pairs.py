"""What did a test's traced runs leave behind? A snapshot before them, and one after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, final

from pytest_leakguard.diagnosis.aside import in_short_stack
from pytest_leakguard.errors import UnusableSnapshotError
from pytest_leakguard.snapshots.model import Kind, Snapshot
from pytest_leakguard.snapshots.taking import new_tables

if TYPE_CHECKING:
    from pytest_leakguard.model import Result
    from pytest_leakguard.snapshots.keeping import Shelf

_SAVED = ("leak", "inconclusive")
_DISTURBED = "a signal had a snapshot taken while its re-runs went on: run it again"


@final
class Pair:
    """The snapshots of one test, in memory until its verdict is known.

    Args:
        shelf: Where they are saved.
        test: The test's node id.
        root: Directory that file names will be shown relative to.
        worker: Name of this process among those of pytest-xdist; empty without it.
        disturbances: Tells how often this process was looked at from outside during re-runs.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        test: str,
        root: str,
        worker: str = "",
        disturbances: Callable[[], int] = int,
    ) -> None:
        self._shelf = shelf
        self._test = test
        self._root = root
        self._worker = worker
        self._disturbances = disturbances
        self._disturbed_before = disturbances()
        self._begun: Snapshot | None = None
        self._pair: tuple[Snapshot, Snapshot, int] | None = None

    def before(self) -> None:
        """Take the first one; the runs in question follow."""
        self._begun = in_short_stack(lambda: new_tables(self._root))

    def after(self, runs: int) -> None:
        """Take the second one.

        Args:
            runs: How many there were since the first.
        """
        if self._begun is not None:
            self._pair = (self._begun, in_short_stack(lambda: new_tables(self._root)), runs)
            self._begun = None

    def close(self, result: Result) -> Result:
        """Save the pair if the verdict asks for it, and return the result that tells where.

        Args:
            result: The verdict that was reached.
        """
        pair, self._pair, self._begun = self._pair, None, None
        if self._disturbances() != self._disturbed_before:
            return replace(result, verdict="inconclusive", reason=_DISTURBED, findings=())
        if result.verdict not in _SAVED:
            return result
        if pair is None:
            return replace(result, no_snapshots="there were no traced runs to take them of")
        before, after, runs = pair
        prints = tuple(dict.fromkeys(finding.fingerprint for finding in result.findings))
        label = f"{self._test.rpartition('::')[2]}-{'-'.join(prints[:1])}"
        key = f"{before.header.pid}-{before.header.time:.6f}"

        def named(snapshot: Snapshot, kind: Kind) -> tuple[str, Snapshot]:
            header = replace(
                snapshot.header,
                kind=kind,
                test=self._test,
                worker=self._worker,
                pair=key,
                runs=runs,
                fingerprints=prints,
            )
            return kind, replace(snapshot, header=header)

        try:
            saved = self._shelf.save([named(before, "before"), named(after, "after")], label)
        except OSError as error:
            why = f"they could not be written: {error.strerror or error}"
            return replace(result, no_snapshots=why)
        except UnusableSnapshotError as error:
            return replace(result, no_snapshots=f"they could not be written: {error.reason}")
        return replace(result, snapshots=tuple(map(str, saved)))
