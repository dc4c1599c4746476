"""Is native memory that the C library keeps of temporary paths told apart from other growth?

Each question has a process of its own, in which nothing else takes or frees memory.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_leakguard.counters import noting

_GROWTH = """
import itertools
import os
import sys
import tempfile
from unittest import mock

import pytest

from pytest_leakguard.counters import noting
from pytest_leakguard.counters.native import NativeBytes

numbers = itertools.count()

def temporary_path():
    os.environ["SPECIMEN"] = f"sqlite:///{tempfile.gettempdir()}/{next(numbers):020}/shop.db"

def monkeypatch():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECIMEN", f"{next(numbers):020}")

def mock_patch():
    with mock.patch.dict(os.environ, SPECIMEN=f"{next(numbers):020}"):
        pass
    with mock.patch.dict(os.environ, {"SPECIMEN": f"{next(numbers):020}"}, clear=True):
        pass

def new_value():
    os.environ["SPECIMEN"] = f"request {next(numbers):020}"

def one_of_a_few():
    os.environ["SPECIMEN"] = f"request {next(numbers) % 5:020}"

deed = globals()[sys.argv[1]]
read = NativeBytes().read
with noting():
    for _ in range(3):  # the first times to warm up
        before = read()
        for _ in range(100):
            deed()
    print(read() - before)
"""


def grown_by(deed):
    """Return by how many bytes the native heap is said to have grown over a hundred times."""
    done = subprocess.run(
        [sys.executable, "-c", _GROWTH, deed],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize("deed", ["temporary_path", "monkeypatch", "mock_patch", "one_of_a_few"])
def test_what_a_test_puts_into_the_environment_for_a_while_does_not_count(deed):
    assert grown_by(deed) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others give the last value back")
def test_other_values_count_as_the_c_library_keeps_them():
    grown = grown_by("new_value")

    if grown == 0:
        pytest.skip("this C library gives the last value back")
    assert grown >= 100 * len("SPECIMEN=request 00000000000000000000")


def test_what_puts_variables_there_is_as_before_afterwards():
    putenv = os.putenv
    with noting():
        assert os.putenv is not putenv
    assert os.putenv is putenv


def test_a_function_that_a_test_has_put_there_stays(monkeypatch):
    own = os.putenv
    with noting():
        monkeypatch.setattr(os, "putenv", print)
    assert os.putenv is print
    monkeypatch.undo()
    os.putenv = own
