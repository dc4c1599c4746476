"""Does a session tell where memory is: for leaks of bytes, and at its end with -v?"""

from __future__ import annotations

import os
import sys

import pytest

from pytest_leakguard.memory_table import MemoryTable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the C library is called by name")

LEAKING = """
import ctypes

malloc = ctypes.CDLL(None).malloc
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]


def test_takes():
    malloc(3000)


def test_sound():
    pass


kept = []


def test_keeps():
    kept.append(object())
"""


@pytest.fixture
def suite(lab):
    lab.write({"test_it.py": LEAKING})
    return lab


def test_a_leak_of_bytes_tells_where_memory_is_and_others_do_not(suite):
    session = suite.checked()

    tests = {test["nodeid"].rpartition("::")[2]: test for test in suite.json()["tests"]}
    assert suite.verdicts() == {"test_takes": "leak", "test_sound": "clean", "test_keeps": "leak"}
    table = MemoryTable.from_plain(tests["test_takes"]["memory"])
    assert (table.objects, table.moment) == (None, "after the last run")
    assert table.native.in_use_bytes > 2**20
    assert tests["test_sound"]["memory"] is None
    assert tests["test_keeps"]["memory"] is None
    (line,) = [line for line in session.raw.splitlines() if line.startswith(" memory ")]
    assert "RSS" in line
    assert session.raw.count("fragmentation") == 1
    # Reports for machines have that of the session as well.
    at_end = MemoryTable.from_plain(suite.json()["memory"])
    assert at_end.moment == "at the end of the session"


def test_the_child_that_judges_is_the_one_that_is_measured(suite):
    session = suite.checked("--leak-isolate", "-k", "takes")

    table = MemoryTable.from_plain(suite.json()["tests"][0]["memory"])
    at_end = MemoryTable.from_plain(suite.json()["memory"])
    assert session.ret == 1
    assert table.process != at_end.process


@pytest.mark.parametrize(
    ("verbosity", "lines", "objects"), [((), 0, 0), (("-v",), 1, 0), (("-vv",), 1, 1)]
)
def test_the_summary_tells_more_the_more_is_asked_for(suite, verbosity, lines, objects):
    suite.forget()

    session = suite.pytest("--leak-check", "-k", "sound", *verbosity)

    assert session.raw.count("memory of process") == lines
    assert session.raw.count("objects, by type") == objects
    assert session.ret == 0


def test_a_session_that_checks_nothing_measures_nothing(suite):
    session = suite.pytest("-v", "--leak-report=json:leaks.json", "-k", "sound")

    assert "memory of process" not in session.raw
    assert suite.json()["memory"] is None


def test_the_worker_with_most_memory_is_told_of_on_several(suite):
    pytest.importorskip("xdist")
    suite.write(
        {"test_large.py": "def test_large():\n    global kept\n    kept = b'x' * (50 << 20)\n"}
    )

    session = suite.checked("-v", "-n2", "-k", "sound or large", plugins=("xdist.plugin",))

    table = MemoryTable.from_plain(suite.json()["memory"])
    assert table.process.startswith("gw")
    assert table.moment == "at the end of the session, the most of 2 processes"
    assert table.rss_bytes > 80 << 20
    assert f"memory of {table.process}, {table.moment}:" in session.raw
    assert str(os.getpid()) not in table.process
