"""Does a session end as plain pytest's would, whatever its tests do to the interpreter?"""

from __future__ import annotations

import pytest

#: Each of these passes, does something to the interpreter, and is followed by a sound test.
_HOSTILE = {
    "stops tracemalloc": """
import tracemalloc

def test_it():
    tracemalloc.start()
    tracemalloc.stop()
""",
    "stops a tracer that is not its own": """
import tracemalloc

def test_it():
    tracemalloc.stop()
""",
    "starts tracemalloc": """
import tracemalloc

def test_it():
    tracemalloc.start(5)
    assert tracemalloc.is_tracing()

def test_is_still_tracing():
    assert tracemalloc.is_tracing()
    assert tracemalloc.get_traceback_limit() == 5
""",
    "disables gc": """
import gc

def test_it():
    gc.disable()

def test_is_still_disabled():
    assert not gc.isenabled()
""",
    "changes thresholds": """
import gc

def test_it():
    gc.set_threshold(0)

def test_are_still_changed():
    assert gc.get_threshold()[0] == 0
""",
    "freezes": """
import gc

def test_it():
    gc.freeze()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    assert gc.get_freeze_count() == 0
""",
    "needs the collector": """
import gc
import weakref

class Node:
    pass

def test_it():
    node = Node()
    node.self = node
    ref = weakref.ref(node)
    del node
    gc.collect()
    assert ref() is None
    assert any(type(obj) is dict for obj in gc.get_objects())
    assert gc.get_referrers(test_it)
""",
    "patches time": """
import time

def test_it(monkeypatch):
    def broken(*args):
        raise AssertionError("patched")
    for name in ("time", "sleep", "perf_counter", "monotonic", "perf_counter_ns"):
        monkeypatch.setattr(time, name, broken)
""",
    "patches time for good": """
import time

def test_it():
    time.sleep = time.monotonic = lambda *args: 0
""",
    "patches open": """
import builtins
import io
import os

def test_it(monkeypatch):
    def broken(*args, **kwargs):
        raise OSError("patched")
    monkeypatch.setattr(builtins, "open", broken)
    monkeypatch.setattr(io, "open", broken)
    monkeypatch.setattr(os, "open", broken)
    monkeypatch.setattr(os, "listdir", broken)
    monkeypatch.setattr(os, "scandir", broken)
""",
    "patches gc": """
import gc
from unittest import mock

def test_it():
    with mock.patch("gc.collect") as collect, mock.patch("gc.freeze"), mock.patch("gc.unfreeze"):
        gc.collect()
    collect.assert_called_once_with()
""",
    "patches gc for good": """
import gc

def test_it():
    gc.collect = gc.get_objects = gc.freeze = lambda *args: 0
""",
    "patches sys and warnings": """
import sys
import warnings

def test_it(monkeypatch):
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(warnings, "warn", lambda *args, **kwargs: 1 / 0)
    monkeypatch.setattr(sys, "getallocatedblocks", lambda: 1 / 0)
""",
    "forks": """
import os

def test_it():
    child = os.fork()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
""",
    "forks and leaves by an exception": """
import os
import pytest

def test_it():
    child = os.fork()
    if child == 0:
        try:
            raise SystemExit(7)
        finally:
            os._exit(7)
    os.waitpid(child, 0)
""",
    "replaces stdout": """
import io
import sys

def test_it():
    sys.stdout = io.StringIO()
    print("nowhere")
    sys.stdout = sys.__stdout__
""",
    "sets no stdout": """
import sys

def test_it(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    print("nowhere")
""",
    "closes its descriptors": """
import os

def test_it():
    saved = os.dup(1)
    os.close(1)
    os.dup2(saved, 1)
    os.close(saved)
""",
    "changes directory": """
import os

def test_it(tmp_path):
    os.chdir(tmp_path)

def test_is_still_elsewhere():
    assert "test_it" in os.getcwd()
""",
    "removes its directory": """
import os
import shutil

def test_it(tmp_path):
    os.chdir(tmp_path)
    shutil.rmtree(tmp_path)
""",
    "installs hooks": """
import sys
import threading

def test_it():
    sys.setprofile(lambda *args: None)
    sys.setprofile(None)
    sys.settrace(None)
    threading.excepthook = threading.__excepthook__
    sys.excepthook = sys.__excepthook__
""",
    "lowers the recursion limit": """
import sys

def test_it():
    sys.setrecursionlimit(220)
    sys.setrecursionlimit(1000)
""",
    "recurses": """
import pytest

def test_it():
    def again():
        again()
    with pytest.raises(RecursionError):
        again()
""",
    "runs out of memory": """
import pytest

def test_it():
    with pytest.raises(MemoryError):
        bytearray(2 ** 62)
""",
    "raises in __del__": """
import pytest

class Bad:
    def __del__(self):
        raise RuntimeError("in __del__")

@pytest.mark.filterwarnings("ignore")
def test_it():
    Bad()
""",
    "has a thread that raises": """
import threading
import pytest

@pytest.mark.filterwarnings("ignore")
def test_it():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
""",
    "changes environment and locale": """
import locale
import os

def test_it():
    os.environ.clear()
    locale.setlocale(locale.LC_ALL, "C")
""",
    "uses an iterator up": """
import pytest

@pytest.mark.parametrize("numbers", [iter([1, 2, 3]), (number for number in (1, 2, 3))])
def test_it(numbers):
    assert list(numbers) == [1, 2, 3]
""",
    "sets attributes from a class fixture": """
import pytest

@pytest.fixture(scope="class")
def loaded(request):
    request.cls.value = [1]
    yield
    del request.cls.value

@pytest.mark.usefixtures("loaded")
class TestClass:
    def test_it(self):
        assert self.value == [1]
        self.other = 2

    def test_again(self):
        assert self.value == [1]
        assert not hasattr(self, "other")
""",
    "depends on the run before": """
import pytest

state = []

def test_it():
    state[:] = [1]

def test_sees_one():
    assert state
""",
    "skips on a rerun": """
import pytest

state = []

def test_it():
    state.append(1)
    if len(state) > 1:
        pytest.skip("only once")
""",
    "fails on a rerun with everything printed": """
import sys

state = []

def test_it():
    state.append(1)
    print("out", len(state))
    print("err", len(state), file=sys.stderr)
    assert len(state) == 1
""",
    "fails in a tear-down on a rerun": """
import pytest

state = []

@pytest.fixture
def narrow():
    yield
    state.append(1)
    if len(state) > 1:
        raise RuntimeError("again")

@pytest.fixture(scope="module")
def wide():
    yield

def test_it(wide, narrow):
    pass

def test_uses_the_same(wide):
    pass
""",
    "fails in a set-up on a rerun": """
import pytest

state = []

@pytest.fixture
def narrow():
    state.append(1)
    if len(state) > 1:
        raise RuntimeError("again")

@pytest.fixture(scope="module")
def wide():
    return [1]

def test_it(wide, narrow):
    pass

def test_uses_the_same(wide):
    assert wide == [1]
""",
    "exits from a rerun": """
import sys

state = []

def test_it():
    state.append(1)
    if len(state) > 1:
        sys.exit(3)
""",
    "changes its own item": """
import pytest

def test_it(request):
    assert request.session.testsfailed == 0
    request.node.add_marker("slow")
    request.node.keywords["x"] = 1
    request.node.stash[pytest.StashKey()] = 1
    request.node.extra = [1]
    assert request.node.iter_markers()
""",
    "has slots and class state": """
class TestClass:
    __slots__ = ("value",)
    kept = 0

    def test_it(self):
        self.value = 1

    def test_again(self):
        self.value = 2
""",
    "has unittest state": """
import unittest

class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.connection = [1]

    def setUp(self):
        self.thing = object()
        self.addCleanup(self.connection.__setitem__, 0, 1)

    def test_it(self):
        assert self.connection[0] == 1

    @classmethod
    def tearDownClass(cls):
        del cls.connection

class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.value = 1

    async def test_async(self):
        assert self.value == 1
""",
    "runs an event loop": """
import asyncio

def test_it():
    async def main():
        await asyncio.sleep(0)
        return 3
    assert asyncio.run(main()) == 3
""",
    "uses signals": """
import signal

def test_it():
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *args: seen.append(1))
    signal.raise_signal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, before)
    assert seen
""",
}
_AFTER = """
import pytest

@pytest.mark.noleak
def test_after():
    [object() for _ in range(10)]
"""


@pytest.mark.parametrize("deed", _HOSTILE)
def test_a_session_is_left_as_plain_pytest_leaves_it_by_a_test_that(lab, deed):
    lab.write(
        {
            "test_a.py": _HOSTILE[deed],
            "test_b.py": _AFTER,
            "pytest.ini": "[pytest]\nmarkers =\n    slow\n    noleak\n",
        }
    )

    plain = lab.plain()
    checked = lab.checked("--leak-confirm=1 s")

    assert plain.ret == 0
    assert (checked.ret, checked.out, checked.err) == (plain.ret, plain.out, plain.err)
    assert checked.stream == plain.stream
    assert lab.verdicts()["test_after"] == "clean"


@pytest.mark.parametrize("args", [(), ("-s",), ("--capture=sys",)], ids=str)
def test_closing_stdout_breaks_what_it_breaks_in_plain_pytest(lab, args):
    lab.write(
        {
            "test_it.py": """
import sys

def test_before():
    pass

def test_it():
    sys.stdout.close()
    sys.stderr.close()

def test_after():
    pass
""",
        }
    )

    plain = lab.plain(*args)
    checked = lab.checked(*args)

    assert checked.ret == plain.ret
    if "-s" not in args:  # else pytest's own terminal is gone, and the session with it
        assert checked.reports == plain.reports


def test_a_doctest_is_checked_with_its_own_globals_each_time(lab):
    lab.write(
        {
            "module.py": '''
def double(number):
    """Double a number.

    >>> kept = []
    >>> kept.append(double(2))
    >>> kept
    [4]
    """
    return 2 * number
''',
            "text.txt": ">>> numbers = [1]\n>>> numbers.append(2)\n>>> numbers\n[1, 2]\n",
        }
    )
    args = ("--doctest-modules", "--doctest-glob=*.txt")

    plain = lab.plain(*args)
    checked = lab.checked(*args)

    assert checked.reports == plain.reports
    assert lab.verdicts() == {"module.double": "clean", "text.txt": "clean"}


def test_a_spent_parameter_is_named_with_what_to_do(lab):
    lab.write(
        {
            "words.txt": "one two",
            "test_it.py": """
from pathlib import Path

import pytest

async def answer():
    return 42

def result_of(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return ended.value

@pytest.mark.parametrize(("other", "numbers"), [(1, iter([1])), (2, (n for n in [1]))])
def test_iterator(other, numbers):
    assert list(numbers) == [1]

@pytest.mark.parametrize("words", [Path(__file__).with_name("words.txt").open()], ids=["words"])
def test_file(words):
    assert words.read() == "one two"

@pytest.mark.parametrize("waiting", [answer()], ids=["waiting"])
def test_coroutine(waiting):
    assert result_of(waiting) == 42

kept = []

@pytest.mark.parametrize("numbers", [[1]], ids=["numbers"])
def test_list(numbers):
    kept.extend(numbers)
    assert kept == [1]
""",
        }
    )

    session = lab.checked("-W", "ignore")

    reasons = {
        test["nodeid"].rpartition("::")[2].partition("[")[0]: test["reason"].partition("; ")[2]
        for test in lab.json()["tests"]
    }
    anew = "by the first run: make it anew in the test or in a fixture"
    assert session.ret == 0
    assert set(lab.verdicts().values()) == {"inconclusive"}
    assert reasons == {
        "test_iterator": f"its parameter 'numbers' is an iterator, used up {anew}",
        "test_file": f"its parameter 'words' is an open file, read or written {anew}",
        "test_coroutine": f"its parameter 'waiting' is a coroutine, used up {anew}",
        "test_list": "make it repeatable: undo in a tear-down what it changes",
    }


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit(3)", "pytest.exit('enough')"])
def test_a_first_run_that_raises_to_the_top_ends_as_ever(lab, error):
    lab.write(
        {
            "test_it.py": f"""
import pytest

def test_before():
    pass

def test_it():
    raise {error}

def test_after():
    pass
""".replace("raise pytest.exit", "pytest.exit"),
        }
    )

    plain = lab.plain()
    checked = lab.checked()

    assert checked.ret == plain.ret
    assert checked.stream == plain.stream
    assert lab.verdicts()["test_before"] == "clean"
    assert set(lab.verdicts()) == {"test_before", "test_it", "test_after"}


@pytest.mark.parametrize("error", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_an_interrupted_rerun_lets_the_first_run_out_and_stops_the_session(lab, error):
    lab.write(
        {
            "test_it.py": f"""
import pytest

runs = []

@pytest.fixture(scope="module")
def wide():
    yield
    print("wide down")

def test_before(wide):
    pass

def test_it(wide):
    runs.append(1)
    if len(runs) > 2:
        {error}

def test_after(wide):
    pass
""",
        }
    )

    session = lab.checked("-s")

    assert session.ret == pytest.ExitCode.INTERRUPTED
    assert [report for report in session.reports if report[0] == "test_it"] == [
        ("test_it", "setup", "passed"),
        ("test_it", "call", "passed"),
        ("test_it", "teardown", "passed"),
    ]
    assert "2 passed" in session.out
    assert session.raw.count("wide down") == 1
    assert not [report for report in session.reports if report[0] == "test_after"]
    assert lab.verdicts() == {
        "test_before": "clean",
        "test_it": "unchecked",
        "test_after": "unchecked",
    }


def test_ctrl_c_in_a_rerun_lets_the_first_run_out_and_stops_the_session(lab):
    lab.write(
        {
            "test_it.py": """
import os
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
runs = []

def test_it():
    runs.append(1)
    if len(runs) == 3:
        os.kill(os.getpid(), signal.SIGINT)

def test_after():
    pass
""",
        }
    )

    session = lab.checked()

    assert session.ret == pytest.ExitCode.INTERRUPTED
    assert ("test_it", "teardown", "passed") in session.reports
    assert "1 passed" in session.out
    assert lab.json()["tests"][0]["verdict"] == "unchecked"


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_first_run_that_hangs_is_ended_by_pytest_timeout_as_ever(lab, method):
    lab.write(
        {
            "test_it.py": """
import time

def test_hangs():
    time.sleep(30)  # hangs: the time-out ends it

def test_after():
    pass
""",
        }
    )
    args = ("--timeout=1", f"--timeout-method={method}")

    plain = lab.plain(*args, plugins=("timeout",))
    checked = lab.checked(*args, plugins=("timeout",))

    assert checked.ret == plain.ret
    assert checked.reports == plain.reports
    assert "Timeout" in checked.raw + checked.err


def test_a_time_out_by_a_thread_ends_with_its_test(lab):
    lab.write(
        {
            "test_it.py": """
import threading

def test_before():
    pass

def test_after():
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert len(timers) == 1
""",
        }
    )

    session = lab.checked("--timeout=60", "--timeout-method=thread", plugins=("timeout",))

    assert session.ret == 0
    assert set(lab.verdicts().values()) == {"clean"}


def test_a_rerun_that_hangs_is_ended_by_pytest_timeout_and_told_as_such(lab):
    lab.write(
        {
            "test_it.py": """
import time

runs = []

def test_hangs_later():
    runs.append(1)
    if len(runs) > 1:
        time.sleep(30)  # hangs: the time-out ends it

def test_after():
    pass
""",
        }
    )

    session = lab.checked("--timeout=1", plugins=("timeout",))

    assert session.ret == 0
    assert lab.verdicts() == {"test_hangs_later": "inconclusive", "test_after": "clean"}
    assert "Timeout" in session.raw


def test_a_timeout_of_the_function_only_covers_each_rerun(lab):
    lab.write(
        {
            "test_it.py": """
import time

import pytest

runs = []

@pytest.fixture
def slow():
    time.sleep(1.2)  # longer than the time-out, which must not count it

@pytest.mark.timeout(1, func_only=True)
def test_slow_fixture(slow):
    time.sleep(0.3)  # well within the time-out, and not with the fixture's time

@pytest.mark.timeout(1, func_only=True)
def test_hangs_later():
    runs.append(1)
    if len(runs) > 1:
        time.sleep(30)  # hangs: the time-out ends it
""",
        }
    )

    lab.checked(plugins=("timeout",))

    assert lab.verdicts() == {"test_slow_fixture": "clean", "test_hangs_later": "inconclusive"}


@pytest.mark.row("options", "`faulthandler_timeout`", difference="each re-run has the whole time")
def test_reruns_do_not_use_up_the_time_of_the_test(lab):
    lab.write(
        {
            "test_it.py": """
import time

import pytest

@pytest.fixture(scope="module")
def wide():
    yield
    time.sleep(0.3)  # time of the wider tear-down, which must not run out

def test_slow(wide):
    with open("runs", "a") as runs:
        runs.write("begun ")
    time.sleep(0.6)  # five such runs take longer than the one time-out
    with open("runs", "a") as runs:
        runs.write("ended ")
""",
            "pytest.ini": "[pytest]\nfaulthandler_timeout = 1.5\n",
        }
    )

    session = lab.checked("--timeout=1.5", plugins=("timeout",))

    assert session.ret == 0
    assert session.reports[-1] == ("test_slow", "teardown", "passed")
    assert lab.verdicts() == {"test_slow": "clean"}
    assert "Timeout" not in session.raw + session.err
    runs = (lab.path / "runs").read_text().split()
    assert runs == ["begun", "ended"] * (len(runs) // 2)
    assert len(runs) // 2 >= 5


def test_a_frozen_clock_freezes_no_check(lab):
    lab.write(
        {
            "test_it.py": """
import datetime

import freezegun

kept = []

@freezegun.freeze_time("2020-01-01")
def test_frozen():
    assert datetime.date.today().year == 2020

@freezegun.freeze_time("2020-01-01")
def test_frozen_leak():
    kept.append([])

freezer = freezegun.freeze_time("2020-01-01")

def test_frozen_for_good():
    freezer.start()
    kept.append([])

def test_after():
    pass
""",
        }
    )

    session = lab.checked("--leak-confirm=2 s", "-W", "ignore")

    assert session.ret == 1
    verdicts = lab.verdicts()
    assert verdicts["test_frozen"] == "clean"
    assert verdicts["test_frozen_leak"] == "leak"
    assert verdicts["test_after"] == "clean"


def test_an_error_inside_pytest_still_writes_the_report(lab):
    lab.write(
        {
            "conftest.py": """
def pytest_runtest_setup(item):
    pass

def pytest_runtest_logfinish(nodeid):
    if "test_breaks" in nodeid:
        raise RuntimeError("in a hook")
""",
            "test_it.py": """
def test_first():
    pass

def test_breaks():
    pass

def test_never():
    pass
""",
        }
    )

    session = lab.checked()

    assert session.ret == pytest.ExitCode.INTERNAL_ERROR
    assert lab.verdicts() == {
        "test_first": "clean",
        "test_breaks": "clean",
        "test_never": "unchecked",
    }


def test_a_session_that_collects_nothing_still_writes_the_report(lab):
    session = lab.checked()

    assert session.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert lab.json()["tests"] == []


def test_a_fork_that_survives_its_test_does_not_write_reports(lab):
    lab.write(
        {
            "test_it.py": """
import os

def test_it():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
""",
        }
    )

    session = lab.checked("-s")

    assert session.out.count("1 passed") == 1
    assert len(lab.json()["tests"]) == 1


def test_environment_of_the_current_test_is_the_same_in_reruns(lab):
    lab.write(
        {
            "test_it.py": """
import os

def test_it():
    assert os.environ["PYTEST_CURRENT_TEST"] == "test_it.py::test_it (call)"
""",
        }
    )

    lab.checked()

    assert lab.verdicts() == {"test_it": "clean"}


def test_a_check_that_fails_by_itself_changes_no_outcome_and_is_told(lab):
    lab.write(
        {
            "conftest.py": """
from pytest_leakguard import api

def broken(*args, **kwargs):
    raise LookupError("inside the check")

api.Checker.check = api.Checker.self_check = broken
""",
            "test_it.py": """
import pytest

@pytest.fixture(scope="module")
def wide():
    return [1]

def test_one(wide):
    pass

def test_two(wide):
    assert wide == [1]

@pytest.mark.noleak
def test_marked():
    pass
""",
        }
    )

    session = lab.checked()

    assert session.reports == [
        (name, when, "failed" if (name, when) == ("test_marked", "call") else "passed")
        for name in ("test_one", "test_two", "test_marked")
        for when in ("setup", "call", "teardown")
    ]
    assert set(lab.verdicts().values()) == {"unchecked"}
    assert (
        "unchecked: 3 tests: the check itself failed, please report it: LookupError: inside the"
        " check (conftest.py:4)" in session.raw
    )
