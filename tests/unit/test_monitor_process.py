"""A process over a session: what is read, what the collector does, and what comes of it."""

from __future__ import annotations

import gc
import json
import sys
import threading

import pytest

from pytest_leakguard.counters.footprint import memory_limit, read_rss, read_uss
from pytest_leakguard.counters.nearby import Neighbourhood
from pytest_leakguard.monitor.collector import CollectorWatch
from pytest_leakguard.monitor.curve import ABSENT
from pytest_leakguard.monitor.leading import Leading
from pytest_leakguard.monitor.process import ProcessMonitor
from pytest_leakguard.monitor.ration import Ration
from pytest_leakguard.monitor.readings import Readings
from pytest_leakguard.monitored import SAMPLED, Monitored
from pytest_leakguard.reports.monitor import monitor_lines

NOWHERE = Neighbourhood(
    key="", near=list, far=list, own=(), foreign=lambda package: package == "pytest"
)


def watch(run, tests=40, **settings):
    """Watch a process while something runs as its tests."""
    monitor = ProcessMonitor(**settings)
    monitor.open(tests)
    for number in range(tests):
        monitor.begin(f"test_a.py::test_{number}")
        run(number)
        monitor.end("test_a.py", lambda: NOWHERE)
    return monitor.close()


def test_what_was_seen_survives_json():
    seen = watch(lambda number: None)

    again = Monitored.from_plain(json.loads(json.dumps(seen.to_plain())))

    assert again == seen
    assert again.tests == 40


def test_samples_are_taken_before_the_first_test_and_after_the_last():
    curve = watch(lambda number: None).curve

    assert curve.tests[0] == 0
    assert curve.tests[-1] == 40
    assert curve.series["rss_bytes"][0] > 1_000_000
    assert curve.series["blocks"][0] > 10_000


def test_what_is_dear_to_read_is_read_once_time_has_passed():
    readings = Readings()
    readings.take(0.0)
    early = dict(zip(SAMPLED, readings.values, strict=True))
    readings.take(3_600.0)
    later = dict(zip(SAMPLED, readings.values, strict=True))

    assert early["rss_bytes"] > 0
    assert early["uss_bytes"] == ABSENT
    assert 0 < later["uss_bytes"] <= later["rss_bytes"]
    assert later["gc_old"] > 1_000 or sys.version_info >= (3, 14)


def test_a_session_without_descriptors_left_tells_what_it_can(monkeypatch):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    def use_up(number):
        if number == 20:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        elif number == 39:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    try:
        seen = watch(use_up)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert seen.tests == 40
    assert seen.curve.series["blocks"][-1] > 10_000


def test_a_thread_takes_samples_too_and_does_not_count_itself():
    waited = threading.Event()
    monitor = ProcessMonitor(interval=0.001)
    before = threading.active_count()
    monitor.open(1)
    while len(monitor._recorder) < 5:
        waited.wait(0.001)
    seen = monitor.close()

    assert len(seen.curve.tests) >= 5
    assert seen.curve.peaks["threads"] == before
    assert threading.active_count() == before


def test_leaving_a_session_early_leaves_nothing_behind():
    callbacks, threads = len(gc.callbacks), threading.active_count()
    monitor = ProcessMonitor(interval=60)
    monitor.open(10)

    monitor.abandon()

    assert (len(gc.callbacks), threading.active_count()) == (callbacks, threads)


def test_lines_for_people_tell_of_memory_and_of_the_cost():
    lines = list(monitor_lines(watch(lambda number: None), limit=5))

    assert lines[0].startswith("resident set: ")
    assert any(line.startswith("garbage collector: ") for line in lines)
    assert lines[-1].startswith("leak monitor: 40 tests, ")


def test_collections_are_counted_and_timed_for_the_test_they_were_in():
    watching = CollectorWatch()
    watching.open()
    watching.begin("test_quiet")
    watching.end()
    watching.begin("test_collecting")
    gc.collect()
    watching.end()
    watching.close()
    found = watching.found()

    assert sum(found.runs) >= 1
    assert found.longest_test == "test_collecting"
    assert [name for name, _ in found.slowest] == ["test_collecting"]
    assert 0 < found.longest_seconds <= found.pause_seconds


def test_what_lands_in_garbage_is_told():
    watching = CollectorWatch()
    watching.open()
    gc.garbage.append(object())
    try:
        assert watching.found().in_garbage == 1
    finally:
        gc.garbage.clear()
        watching.close()


def test_what_finalisers_raise_is_counted_by_kind():
    watching = CollectorWatch()
    watching.open()
    for what in ("ValueError: odd", "KeyError: 1", "ValueError: odd"):
        watching.note_raising(what)
    watching.close()

    assert watching.found().raising == (("ValueError: odd", 2), ("KeyError: 1", 1))


def test_a_ration_is_a_share_of_the_time_and_a_credit():
    ration = Ration(0.1, credit_seconds=1.0)
    ration.spent = 1.5

    assert ration.affords(0.4, 9.0)
    assert not ration.affords(0.5, 9.0)


def test_the_leading_are_those_with_the_highest_numbers():
    leading = Leading(2)
    for number, name in ((3, "c"), (9, "i"), (1, "a"), (4, "d")):
        leading.offer(number, name)

    assert leading.all() == [(9, "i"), (4, "d")]


def test_resident_and_unique_sizes_are_plausible():
    held = bytearray(50 * 2**20)
    with_it = read_rss(), read_uss()
    del held

    assert with_it[0] - read_rss() > 45 * 2**20
    assert with_it[1] - read_uss() > 45 * 2**20


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "4096\n"}, 4_096),
        (
            {
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/b/memory.max": "max\n",
                "/sys/fs/cgroup/a/memory.max": "8192\n",
                "/sys/fs/cgroup/memory.max": "16384\n",
            },
            8_192,
        ),
        (
            {
                "/proc/self/cgroup": "9:cpu:/x\n4:memory:/docker/1\n",
                "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "2048",
            },
            2_048,
        ),
    ],
)
def test_the_limit_of_a_control_group_is_the_lowest_above_the_process(files, limit):
    def read(path):
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    assert memory_limit(read) == limit


def test_without_a_control_group_the_limit_is_the_machine_s_memory():
    def read(path):
        raise FileNotFoundError(path)

    assert memory_limit(read) > 2**28
