"""Is a test that grows only after another one told from one that leaks by itself?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from pytest_leakguard.model import Result
from pytest_leakguard.pristine import Pristine, UnansweredError, find_culprit
from pytest_leakguard.settle import until_ended

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no copies are made")

#: A logger, and a handler that keeps what it is given.
_LOGGING = """
import logging
import os
from pathlib import Path

import pytest

log = logging.getLogger("app")

class Keeping(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)

def add_handler():
    if not log.handlers:
        log.addHandler(Keeping())
"""
_CULPRIT = """
def test_adds_a_handler():
    add_handler()
"""
_VICTIM = """
def test_logs():
    log.warning("again")
"""


@pytest.fixture
def judged(lab):
    """Check a file; returns the session, whose JSON report is valid."""

    def run(text: str, *options: str, plugins: tuple[str, ...] = ()):
        lab.write({"test_it.py": _LOGGING + text})
        return lab.checked("--leak-confirm=3 s", *options, plugins=plugins)

    return run


def told(lab, key):
    return {
        test["nodeid"].rpartition("::")[2]: test[key] for test in lab.json()["tests"] if test[key]
    }


@pytest.mark.parametrize("between", [0, 1, 9], ids="{} tests between".format)
@pytest.mark.parametrize("options", [(), ("--leak-isolate",)], ids=["plain", "isolated"])
def test_what_grows_only_after_another_test_is_not_accused(judged, lab, between, options):
    others = "".join(f"def test_other_{n}(tmp_path): pass\n" for n in range(between))

    session = judged(f"{_CULPRIT}{others}{_VICTIM}", *options)

    assert session.ret == 0
    assert lab.verdicts()["test_logs"] == "clean"
    assert told(lab, "only_after") == {"test_logs": "test_it.py::test_adds_a_handler"}
    words = "grows only after test_it.py::test_adds_a_handler: test_it.log.handlers[0].records"
    assert f"not alone: test_it.py::test_logs: {words}" in session.raw


def test_what_only_warms_up_alone_does_not_leak_by_itself(judged, lab):
    session = judged(
        f"""
warm = []
{_CULPRIT}
def test_logs():
    if len(warm) < 20:
        warm.append([None])
    log.warning("again")
"""
    )

    assert session.ret == 0, lab.grounds()
    assert told(lab, "only_after") == {"test_logs": "test_it.py::test_adds_a_handler"}


def test_a_marked_victim_passes(judged):
    session = judged(f"{_CULPRIT}@pytest.mark.noleak{_VICTIM}")

    assert session.result.parseoutcomes() == {"passed": 2}


def test_what_leaks_by_itself_is_accused_and_said_to(judged, lab):
    session = judged(f"{_CULPRIT}kept = []\ndef test_leaks():\n    kept.append([None])\n")

    assert session.ret == 1
    assert lab.verdicts()["test_leaks"] == "leak"
    assert "the same alone, in a fresh process" in session.raw


def test_the_first_test_is_alone_anyway(judged, lab):
    session = judged("kept = []\ndef test_leaks():\n    kept.append([None])\ndef test_b(): pass\n")

    assert lab.verdicts()["test_leaks"] == "leak"
    assert "the same alone" not in session.raw


def test_two_culprits_together_are_earlier_tests(judged, lab):
    session = judged(
        """
level = logging.ERROR

def test_adds_a_handler():
    add_handler()

def test_between():
    pass

def test_lowers_the_level():
    global level
    level = logging.WARNING

def test_logs():
    log.log(level, "again") if level == logging.WARNING else None
"""
    )

    assert session.ret == 0
    assert told(lab, "only_after") == {"test_logs": "earlier tests"}


@pytest.mark.parametrize("scope", ["module", "session"])
def test_what_tests_share_is_not_set_up_twice(judged, lab, scope):
    session = judged(
        f"""
@pytest.fixture(scope="{scope}")
def database():
    Path("database").touch(exist_ok=False)
    yield
    Path("database").unlink()

{_CULPRIT}
def test_logs(database):
    log.warning("again")

def test_uses_it(database):
    assert Path("database").exists()
"""
    )

    assert session.result.parseoutcomes() == {"passed": 2, "failed": 1}
    assert lab.verdicts()["test_logs"] == "leak"
    reason = "the set-up of 'database' is not done twice, since it is undone at the end"
    assert f"could not be judged alone: {reason}" in session.raw


def test_what_a_class_sets_up_is_not_set_up_twice(judged, lab):
    session = judged(
        f"""
import unittest

{_CULPRIT}
class TestShared(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        Path("database").touch(exist_ok=False)

    def test_logs(self):
        log.warning("again")

class TestAlone(unittest.TestCase):
    def test_logs_too(self):
        log.warning("again")
"""
    )

    assert lab.verdicts()["test_logs"] == "leak"
    reason = "the set-up of its class is not done twice, since it is undone at the end"
    assert f"could not be judged alone: {reason}" in session.raw
    victims = {"test_logs_too": "test_it.py::test_adds_a_handler"}
    assert told(lab, "only_after") == victims, session.raw


def test_workers_judge_alone_too(judged, lab):
    session = judged(f"{_CULPRIT}{_VICTIM}", "-n1", plugins=("xdist",))

    assert session.ret == 0
    assert told(lab, "only_after") == {"test_logs": "test_it.py::test_adds_a_handler"}


def test_temporary_files_are_gone_with_the_question(judged, lab):
    session = judged(
        f"""
{_CULPRIT}
def test_logs(tmp_path):
    (tmp_path / "file").touch()
    log.warning("again")

def test_looks(tmp_path_factory):
    assert not list(tmp_path_factory.getbasetemp().glob("alone*"))
"""
    )

    assert session.result.parseoutcomes() == {"passed": 3}
    assert told(lab, "only_after") == {"test_logs": "test_it.py::test_adds_a_handler"}


def test_no_child_and_no_low_descriptor_is_there_for_a_test(judged, lab):
    session = judged(
        """
def test_has_no_child():
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)

def test_has_no_new_descriptor():
    open_ones = [int(name) for name in os.listdir("/proc/self/fd")]
    assert len([number for number in open_ones if number >= 200]) == 1
"""
    )

    assert session.result.parseoutcomes() == {"passed": 2}


def test_a_suspect_that_crashes_alone_stays_accused(judged, lab):
    session = judged(
        """
ready = []

def test_adds_a_handler():
    add_handler()
    ready.append(1) if not ready else None

def test_logs():
    if not ready:
        os.abort()
    log.warning("again")
"""
    )

    assert lab.verdicts()["test_logs"] == "leak"
    assert "could not be judged alone: the isolated re-runs ended by signal SIGABRT" in session.raw


# The copy itself


def answer(question):
    if question == "exit":
        os._exit(3)
    return Result(verdict="clean", reason=f"{question}, {os.getpid()}")


def test_each_question_is_answered_by_a_child_of_its_own():
    copy = Pristine(answer)
    try:
        said = [copy.ask(number, 5.0).reason.split(", ") for number in (1, 2)]
    finally:
        copy.close()

    assert [number for number, _ in said] == ["1", "2"]
    assert len({pid for _, pid in said} | {str(os.getpid())}) == 3


def test_a_child_that_ends_leaves_the_copy_for_the_next_question():
    copy = Pristine(answer)
    try:
        assert copy.ask("exit", 5.0).verdict == "inconclusive"
        assert copy.ask("more", 5.0).verdict == "clean"
    finally:
        copy.close()
    with pytest.raises(UnansweredError, match="is gone"):
        copy.ask("late", 5.0)


_ENDING = """
import os
from pytest_leakguard.pristine import Pristine

copy = Pristine(lambda question: None)
print(copy._pid, flush=True)
os._exit(0)
"""


def test_a_copy_ends_with_the_process_that_made_it():
    ended = subprocess.run(
        [sys.executable, "-c", _ENDING], stdout=subprocess.PIPE, check=True, timeout=60
    )

    # The copy has the pipe as well: it was closed as both ended.
    with suppress(psutil.NoSuchProcess):
        copy = psutil.Process(int(ended.stdout))
        until_ended(lambda: copy.status() != psutil.STATUS_ZOMBIE)
        assert copy.status() == psutil.STATUS_ZOMBIE


_INTERRUPTED = """
import os
import signal
from pytest_leakguard.pristine import Pristine

signal.signal(signal.SIGINT, signal.default_int_handler)
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    Pristine(lambda question: None)
except KeyboardInterrupt:
    print("heard")
"""


def test_an_interrupt_is_heard_that_comes_while_the_copy_is_made():
    interrupted = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True, check=True, timeout=60
    )

    assert (interrupted.stdout, interrupted.stderr) == ("heard\n", "")


def test_signals_that_wait_meanwhile_do_not_wait_in_the_copy():
    def mask(_: object) -> Result:
        waiting = sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))
        return Result(verdict="clean", reason=str(waiting))

    own = sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    copy = Pristine(mask)
    try:
        assert copy.ask("mask", 5.0).reason == str(own)
    finally:
        copy.close()


def test_a_copy_that_cannot_be_made_is_told(monkeypatch):
    monkeypatch.setattr("pytest_leakguard.pristine._new_session", lambda: 1 / 0)

    with pytest.raises(OSError, match="could not be copied"):
        Pristine(answer)


@pytest.mark.parametrize(
    ("culprits", "found"),
    [({7}, 7), ({0}, 0), ({3, 5}, 5), (set(), None)],
)
def test_a_culprit_is_found_by_halves(culprits, found):
    asked = []

    def grows_after(before):
        asked.append(len(before))
        return not culprits.isdisjoint(before)

    assert find_culprit(list(range(8)), grows_after, 60.0) == found
    assert sum(asked) <= 24


def test_culprits_that_only_work_together_are_not_found():
    assert find_culprit([1, 2, 3, 4], {1, 2}.issubset, 60.0) is None
    assert find_culprit([1, 2], lambda _: True, 0.0) is None
