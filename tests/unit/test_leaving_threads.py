"""Is a run over only when its threads have left the process?"""

from __future__ import annotations

import ctypes
import sys
import threading

import pytest

from pytest_leakguard import runner
from pytest_leakguard.counters.threads import count_unknown
from pytest_leakguard.heap import Heap
from pytest_leakguard.runner import Trial
from pytest_leakguard.settings import Settings

MICROSECONDS = 20_000


class Lingering:
    """Starts a thread that is gone for Python before it is for the system."""

    def __init__(self):
        self.key = ctypes.c_uint()
        library = ctypes.CDLL(None)
        sleep = ctypes.cast(library.usleep, ctypes.c_void_p)
        assert library.pthread_key_create(ctypes.byref(self.key), sleep) == 0
        self.remember = library.pthread_setspecific
        self.remember.argtypes = [ctypes.c_uint, ctypes.c_void_p]

    def run(self):
        # As the thread ends, its value of the key is given to the function of the key.
        arguments = (self.key, MICROSECONDS)
        thread = threading.Thread(target=self.remember, args=arguments)
        thread.start()
        thread.join()


class Sound:
    def run(self):
        pass


def trial_of(subject):
    return Trial(subject=subject, settings=Settings(), heap=Heap(frozen=False))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system tells of no threads")
def test_a_thread_that_lingers_is_waited_for():
    subject = Lingering()
    before = count_unknown()
    trial = trial_of(subject)
    subject.run()
    assert count_unknown() == before + 1  # as it is without

    for _ in range(5):
        trial.run()
        assert count_unknown() <= before


def test_threads_that_stay_are_waited_for_a_few_times_only(monkeypatch):
    waits = []
    numbers = iter(range(100))
    monkeypatch.setattr(runner, "count_unknown", lambda: next(numbers))
    monkeypatch.setattr(runner.settle, "until_ended", waits.append)
    trial = trial_of(Sound())

    for _ in range(10):
        trial.run()

    assert len(waits) == 3
