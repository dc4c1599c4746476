"""Do the latest snapshots stay, and no file go that is somebody else's?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_snapshot_files import SNAPSHOT

from pytest_leakguard.keeping import Retention
from pytest_leakguard.snapshots.form import MAGIC
from pytest_leakguard.snapshots.keeping import Shelf

HOUR = 3600.0
DAY_ONE = 1_800_000_000.0


def shelf(directory: Path, *, most: int = 50, age: float = 1e9, at: float = DAY_ONE) -> Shelf:
    return Shelf(directory, Retention(most=most, age=age), clock=lambda: at)


def taken(at: float = DAY_ONE, pid: int = 1):
    return replace(SNAPSHOT, header=replace(SNAPSHOT.header, time=at, pid=pid))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_files_are_called_by_time_process_and_what_they_are_of(tmp_path):
    saved = shelf(tmp_path / "new" / "snaps").save(
        [("before", taken()), ("after", taken())], "test_x[a/../b \u202e]"
    )

    assert [path.name for path in saved] == [
        "20270115T080000Z-1-1-test_x_a_.._b-before.leaksnap",
        "20270115T080000Z-1-1-test_x_a_.._b-after.leaksnap",
    ]
    assert all(path.parent == tmp_path / "new" / "snaps" for path in saved)


def test_the_oldest_go_first_and_a_pair_counts_as_one(tmp_path):
    one = shelf(tmp_path, most=2)
    one.save([("before", taken()), ("after", taken())], "first")
    one.save([("", taken(DAY_ONE + 1))], "second")
    one.save([("before", taken(DAY_ONE + 2)), ("after", taken(DAY_ONE + 2))], "third")

    assert [name.split("-")[3].partition(".")[0] for name in names(tmp_path)] == [
        "second",
        "third",
        "third",
    ]


def test_what_is_older_than_the_age_goes(tmp_path):
    shelf(tmp_path).save([("", taken())], "first")
    shelf(tmp_path).save([("", taken(DAY_ONE + HOUR))], "second")

    assert shelf(tmp_path, age=HOUR, at=DAY_ONE + HOUR).prune() == 0
    assert shelf(tmp_path, age=HOUR, at=DAY_ONE + HOUR + 1).prune() == 1
    assert ["second" in name for name in names(tmp_path)] == [True]


def test_what_was_just_saved_stays_whatever_the_clock_says(tmp_path):
    saved = shelf(tmp_path, most=1, age=1, at=DAY_ONE + HOUR).save([("", taken())], "first")

    assert [path.name for path in saved] == names(tmp_path)


def test_files_of_others_stay(tmp_path):
    one = shelf(tmp_path, most=1)
    (old,) = one.save([("", taken())], "old")
    foreign = tmp_path / "20200101T000000Z-1-1-notes.leaksnap"
    foreign.write_bytes(b"not ours, though it is called so")
    link = tmp_path / "20200101T000000Z-1-2-link.leaksnap"
    link.symlink_to(old)
    no_day = tmp_path / "20209999T000000Z-1-1-x.leaksnap"
    no_day.write_bytes(MAGIC)
    other = tmp_path / "heap.leaksnap"
    other.write_bytes(MAGIC)
    (tmp_path / "20200101T000000Z-1-3-folder.leaksnap").mkdir()
    left = {*names(tmp_path)} - {old.name}

    (new,) = one.save([("", taken(DAY_ONE + 1))], "new")

    assert {*names(tmp_path)} == left | {new.name}


def test_ten_in_one_second_are_told_apart(tmp_path):
    one = shelf(tmp_path, most=3)
    saved = [one.save([("", taken())], "same")[0] for _ in range(10)]

    assert names(tmp_path) == sorted(path.name for path in saved[-3:])


def test_of_a_pair_that_cannot_be_saved_nothing_stays(tmp_path):
    too_many = replace(taken(), tables=replace(SNAPSHOT.tables, names=["x"] * ((1 << 20) + 1)))

    with pytest.raises(Exception, match="more than 1,048,576 names"):
        shelf(tmp_path).save([("before", taken()), ("after", too_many)], "x")

    assert names(tmp_path) == []


def test_a_directory_that_is_gone_is_no_error_to_clear(tmp_path):
    assert shelf(tmp_path / "gone").prune() == 0
