"""Does a snapshot have what is in use, and nothing of the measurer's or of user code's making?"""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import threading
import tracemalloc
from pathlib import Path

import pytest

from pytest_leakguard import api
from pytest_leakguard.heap import Heap
from pytest_leakguard.keeping import Retention
from pytest_leakguard.model import Finding, Result
from pytest_leakguard.settings import Settings
from pytest_leakguard.snapshots.comparing import compare
from pytest_leakguard.snapshots.keeping import Shelf
from pytest_leakguard.snapshots.model import Snapshot
from pytest_leakguard.snapshots.pairs import Pair
from pytest_leakguard.snapshots.reading import read
from pytest_leakguard.snapshots.signals import Trigger
from pytest_leakguard.snapshots.taking import figures_of, whole_heap

HAS_SIGNALS = hasattr(signal, "SIGUSR2")


class Told:
    """Says what is not so, if it is asked."""

    asked: list[str] = []  # noqa: RUF012  # shared by all

    def __sizeof__(self) -> int:
        self.asked.append("size")
        return 10**9


class Meta(type):
    def __hash__(cls) -> int:
        Told.asked.append("hash")
        return 1

    def __getattribute__(cls, name: str) -> object:
        Told.asked.append(name)
        return type.__getattribute__(cls, name)


class Odd(metaclass=Meta):
    pass


def own_files() -> set[str]:
    package = Path(sys.modules[Heap.__module__].__file__).parent
    return {*map(str, package.rglob("*.py"))}


@pytest.fixture
def tracing():
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start(5)
    yield
    if not was_tracing:
        tracemalloc.stop()


def types_of(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    tables = snapshot.tables
    return {
        tables.names[name]: (count, size)
        for name, count, size in zip(
            tables.type_names, tables.type_counts, tables.type_sizes, strict=True
        )
    }


def test_objects_are_counted_and_weighed_without_asking_them():
    kept = [Told() for _ in range(3)] + [Odd() for _ in range(2)]
    Told.asked.clear()

    types = types_of(whole_heap("")[0])

    assert Told.asked == []
    assert types[f"{__name__}.Told"] == (3, 3 * object.__sizeof__(kept[0]))
    assert types[f"{__name__}.Odd"][0] == 2
    assert types["dict"][1] > types["dict"][0] * sys.getsizeof({}) / 2


def test_traces_have_the_lines_that_allocated(tracing):
    before, _ = whole_heap("")
    kept = [bytes(5_000) for _ in range(4)]
    after, _ = whole_heap("")

    largest = compare(before, after, "traceback", limit=1, order="size").shown[0]
    assert sum(map(len, kept)) < largest.size_more < sum(map(len, kept)) + 1_000
    assert largest.what[0][0] == __file__
    assert after.header.frame_limit == 5
    assert figures_of(())["traced_bytes"] > 20_000


def test_no_trace_is_the_packages_own(tracing):
    whole_heap("")
    snapshot, _ = whole_heap("")

    tables = snapshot.tables
    used = {tables.names[tables.frame_files[frame]] for frame in tables.frames}
    assert len(tables.frames)
    assert used.isdisjoint(own_files())
    assert tracemalloc.__file__ not in used


def test_without_tracing_there_are_types_and_no_traces():
    if tracemalloc.is_tracing():
        pytest.skip("this session is traced")

    snapshot, _ = whole_heap("")

    assert snapshot.header.frame_limit == 0
    assert not snapshot.tables.depths
    assert types_of(snapshot)


def test_what_re_runs_have_frozen_is_counted_and_frozen_again():
    kept = [Told() for _ in range(3)]
    with Heap():
        frozen = gc.get_freeze_count()
        snapshot, disturbs = whole_heap("")

        assert disturbs
        assert gc.get_freeze_count() >= frozen
    assert snapshot.header.scope == "all"
    assert types_of(snapshot)[f"{__name__}.Told"][0] == len(kept)
    assert gc.isenabled()


def test_what_the_user_has_frozen_stays_so():
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        snapshot, disturbs = whole_heap("")

        assert (gc.get_freeze_count(), disturbs) == (frozen, False)
    finally:
        gc.unfreeze()
    assert snapshot.header.scope == "not frozen"


class Leaking:
    def __init__(self) -> None:
        self.kept: list[object] = []

    def run(self) -> None:
        self.kept.append(Told())


class Sound:
    def run(self) -> None:
        Told()


def checked(shelf: Shelf, subject) -> Result:
    checker = api.Checker(extra_roots=lambda: {"subject": subject})
    pair = Pair(shelf, test="test_a.py::test_x", root="")
    try:
        return checker.check(subject, Settings(), recorder=pair)
    finally:
        checker.close()


def test_a_leak_leaves_a_pair_that_shows_just_its_growth(tmp_path):
    result = checked(Shelf(tmp_path, Retention()), Leaking())

    first, second = (read(Path(file)) for file in result.snapshots)
    runs = second.header.runs
    (grown,) = compare(first, second, "type", limit=1, order="count").shown
    assert result.verdict == "leak"
    assert (first.header.kind, second.header.kind) == ("before", "after")
    assert first.header.pair == second.header.pair
    assert first.header.fingerprints == tuple(f.fingerprint for f in result.findings)
    assert grown.what == f"{__name__}.Told"
    assert grown.count_more == runs
    lines = compare(first, second, "line", limit=9, order="size").shown
    grown_files = {str(one.what).rpartition(":")[0] for one in lines}
    assert __file__ in grown_files
    assert grown_files.isdisjoint(own_files())
    assert Result.from_plain(result.to_plain()) == result


def test_a_sound_test_leaves_no_file(tmp_path):
    result = checked(Shelf(tmp_path, Retention()), Sound())

    assert (result.verdict, result.snapshots, result.no_snapshots) == ("clean", (), "")
    assert [*tmp_path.iterdir()] == []


def leak() -> Result:
    finding = Finding(type="T", objects_per_run=1, bytes_per_run=1, holder="h", fingerprint="12")
    return Result(verdict="leak", findings=(finding,))


def test_why_there_are_no_snapshots_is_said(tmp_path):
    (tmp_path / "file").touch()
    pair = Pair(Shelf(tmp_path / "file" / "snaps", Retention()), test="t", root="")
    none = pair.close(leak())
    pair.before()
    pair.after(3)
    failed = pair.close(leak())

    assert none.no_snapshots == "there were no traced runs to take them of"
    assert failed.no_snapshots == "they could not be written: Not a directory"
    assert failed.snapshots == ()


def test_a_test_that_was_looked_at_meanwhile_is_not_judged(tmp_path):
    seen = [0]
    pair = Pair(Shelf(tmp_path, Retention()), test="t", root="", disturbances=lambda: seen[0])
    seen[0] = 1
    for verdict in ("leak", "clean"):
        result = pair.close(Result(verdict=verdict))

        assert result.verdict == "inconclusive"
        assert result.reason.startswith("a signal had a snapshot taken")


@pytest.mark.skipif(not HAS_SIGNALS, reason="signals are of POSIX")
class TestTrigger:
    @pytest.fixture
    def said(self) -> list[str]:
        return []

    @pytest.fixture
    def trigger(self, tmp_path, said):
        shelf = Shelf(tmp_path, Retention())
        trigger = Trigger(shelf, signal.SIGUSR2, root="", say=said.append)
        yield trigger
        trigger.remove()
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL

    def test_a_signal_has_a_snapshot_taken(self, trigger, said, monkeypatch):
        monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_a.py::test_x[(a)] (call)")
        assert trigger.install() == ""

        os.kill(os.getpid(), signal.SIGUSR2)

        (path,) = trigger.taken
        header = read(path).header
        assert said[0].startswith(f"snapshot saved in {path}")
        assert (header.kind, header.test) == ("moment", "test_a.py::test_x[(a)]")
        assert header.figures["gc_objects"] > 1000
        assert "SIGUSR2" in path.name

    def test_locks_of_what_was_interrupted_are_not_waited_for(self, trigger):
        trigger.install()
        import _strptime

        with threading._active_limbo_lock, _strptime._cache_lock, tempfile._once_lock:
            os.kill(os.getpid(), signal.SIGUSR2)

            assert len(trigger.taken) == 1

    def test_nothing_is_collected_inside_the_handler(self, trigger):
        collected: list[bool] = []

        def note(phase: str, info: dict[str, int]) -> None:
            collected.append(trigger._is_taking)

        trigger.install()
        threshold = gc.get_threshold()
        gc.callbacks.append(note)
        try:
            gc.set_threshold(1, 1, 1)
            os.kill(os.getpid(), signal.SIGUSR2)
            kept = [[] for _ in range(100)]
        finally:
            gc.set_threshold(*threshold)
            gc.callbacks.remove(note)

        assert len(trigger.taken) == 1
        assert kept
        assert False in collected
        # A collection can begin before the handler has come to switch them off.
        assert collected.count(True) <= 2
        assert gc.isenabled()

    def test_one_during_re_runs_is_counted_as_a_disturbance(self, trigger):
        trigger.install()

        os.kill(os.getpid(), signal.SIGUSR2)
        with Heap():
            os.kill(os.getpid(), signal.SIGUSR2)

        assert (len(trigger.taken), trigger.disturbances) == (2, 1)

    def test_a_handler_of_the_users_own_stays(self, trigger):
        def own(*_: object) -> None:
            pass

        signal.signal(signal.SIGUSR2, own)
        try:
            assert trigger.install() == "SIGUSR2 has a handler already, which stays"
            assert signal.getsignal(signal.SIGUSR2) is own
            trigger.remove()
            assert signal.getsignal(signal.SIGUSR2) is own
        finally:
            signal.signal(signal.SIGUSR2, signal.SIG_DFL)

    def test_a_signal_that_is_ignored_stays_so(self, trigger):
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        try:
            assert "stays" in trigger.install()
            assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
        finally:
            signal.signal(signal.SIGUSR2, signal.SIG_DFL)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of handlers in C")
    def test_a_handler_in_c_stays(self, trigger):
        import faulthandler

        faulthandler.register(signal.SIGUSR2, chain=False)
        try:
            assert "stays" in trigger.install()
        finally:
            faulthandler.unregister(signal.SIGUSR2)

    def test_a_handler_that_came_later_stays_at_the_end(self, trigger):
        trigger.install()

        def own(*_: object) -> None:
            pass

        signal.signal(signal.SIGUSR2, own)
        trigger.remove()
        try:
            assert signal.getsignal(signal.SIGUSR2) is own
        finally:
            signal.signal(signal.SIGUSR2, signal.SIG_DFL)

    def test_what_cannot_be_saved_is_said_and_nothing_raised(self, tmp_path, said):
        (tmp_path / "file").touch()
        shelf = Shelf(tmp_path / "file" / "snaps", Retention())
        trigger = Trigger(shelf, signal.SIGUSR2, root="", say=said.append)
        trigger.install()
        try:
            os.kill(os.getpid(), signal.SIGUSR2)
        finally:
            trigger.remove()

        assert said == [
            "no snapshot could be taken: NotADirectoryError: [Errno 20] Not a directory:"
            f" {str(tmp_path / 'file' / 'snaps')!r}"
        ]
