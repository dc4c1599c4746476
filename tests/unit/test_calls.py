"""Is it seen what a run calls, whoever else listens?"""

from __future__ import annotations

import cProfile
import os
import sys
import threading

import pytest

from pytest_leakguard.calls import asks_for_process
from pytest_leakguard.heap import Heap
from pytest_leakguard.runner import Trial
from pytest_leakguard.settings import Settings


class Subject:
    """Asks for the process if told to."""

    def __init__(self, *, asks: bool) -> None:
        self._asks = asks

    def run(self) -> None:
        if self._asks:
            os.getpid()


def trial(*, asks: bool) -> Trial:
    return Trial(subject=Subject(asks=asks), settings=Settings(), heap=Heap(frozen=False))


def test_a_call_is_named_by_its_line():
    assert asks_for_process(trial(asks=True)).startswith("test_calls.py:")
    assert not asks_for_process(trial(asks=False))


def test_a_profile_function_is_put_back():
    def profile(*_: object) -> None:
        pass

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        asks_for_process(trial(asks=False))
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(before)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="cProfile uses sys.monitoring")
def test_a_profiler_that_is_no_function_goes_on():
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        assert asks_for_process(trial(asks=True))
        assert sys.getprofile() is profiler
        threading.get_native_id()
    finally:
        profiler.disable()
    profiler.create_stats()
    assert any("get_native_id" in name for _, _, name in profiler.stats)
