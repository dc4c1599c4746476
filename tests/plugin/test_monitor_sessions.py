"""Whole sessions under watch: what they tell, and what they leave as it is."""

from __future__ import annotations

import sys

import pytest

from pytest_leakguard.forkable import CAN_COPY

APP = """
import functools, re

class Store:
    def __init__(self):
        self.items = []

store = Store()
registry = {}
handlers = []

def keep(n):
    store.items.append(bytearray(1024))

@functools.cache
def memo(n):
    return [n]

def warm(n):
    memo(n)
    registry[n % 30] = n
    re.compile(f"x{n}+")
"""
TESTS = """
import pytest, app

@pytest.mark.parametrize("n", range(60))
def test_it(n):
    app.{name}(n + 60 * {number})
"""
needs_copies = pytest.mark.skipif(not CAN_COPY, reason="this platform copies no processes")


def suite(name, files=5):
    tests = {f"test_{n}.py": TESTS.format(name=name, number=n) for n in range(files)}
    return {"app.py": APP, **tests}


def watched(lab, *args, plugins=()):
    """Run a session under watch, and return it with what its JSON report says of the process."""
    options = ("--leak-monitor", "--leak-report=json:watched.json", *args)
    session = lab.pytest(*options, plugins=("leakguard", *plugins))
    return session, lab.json("watched.json")["monitor"]


def warnings_of(monitor):
    return [(one["kind"], one["text"]) for process in monitor for one in process["warnings"]]


def test_a_leak_spread_over_unmarked_tests_is_found_with_its_holder_and_its_tests(lab):
    lab.write(suite("keep"))

    session, monitor = watched(lab)

    ((kind, text),) = warnings_of(monitor)
    assert kind == "steady growth"
    assert text.startswith("app.store.items (list) gained ")
    (growing,) = monitor[0]["growing"]
    assert growing["steady"]
    assert growing["tests"] == growing["watched"] == len(growing["names"]) >= 280
    assert set(growing["files"]) == {f"test_{n}.py" for n in range(5)}
    assert f"steady growth: {text}" in session.raw
    assert session.ret == 0


@needs_copies
def test_a_suspect_is_confirmed_by_a_test_that_adds_to_it_again(lab):
    lab.write(suite("keep"))

    _, monitor = watched(lab)

    assert monitor[0]["growing"][0]["confirmed"].startswith("test_")


@needs_copies
def test_no_test_is_run_again_if_that_is_asked_for(lab):
    lab.write(suite("keep"))

    session, monitor = watched(lab, "--leak-monitor-once", "--leak-monitor-fail")

    (growing,) = monitor[0]["growing"]
    assert (growing["holder"], growing["steady"], growing["confirmed"]) == (
        "app.store.items",
        True,
        "",
    )
    assert session.ret == 0


@needs_copies
def test_a_bounded_store_with_ever_new_keys_is_not_accused(lab):
    lab.write(
        {
            "app.py": """
            import itertools

            recent, numbers = {}, itertools.count()

            def remember():
                if len(recent) >= 300:
                    del recent[next(iter(recent))]
                recent[next(numbers)] = object()
            """.replace("\n            ", "\n"),
            "test_recent.py": """
            import pytest, app

            @pytest.mark.parametrize("n", range(200))
            def test_it(n):
                app.remember()
            """.replace("\n            ", "\n"),
        }
    )

    _, monitor = watched(lab)

    assert warnings_of(monitor) == []


@needs_copies
def test_a_suite_that_only_warms_up_is_not_accused(lab):
    lab.write(suite("warm"))

    session, monitor = watched(lab, "--leak-monitor-fail")

    assert warnings_of(monitor) == []
    assert session.ret == 0
    memo = next(one for one in monitor[0]["growing"] if one["holder"] == "app.memo")
    assert memo["acquitted"] == "3 tests that had added to it added nothing when run again"


def test_sound_tests_with_fixtures_and_output_are_not_accused(lab):
    lab.write(
        {
            "test_sound.py": """
            import pytest

            @pytest.fixture(params=range(10))
            def box(request, tmp_path):
                (tmp_path / "file").write_text("text")
                yield {"n": request.param}

            @pytest.mark.parametrize("n", range(30))
            def test_it(n, box, monkeypatch, capsys, caplog):
                monkeypatch.setenv("NAME", str(n))
                print("output " * 50)
                try:
                    raise ValueError(n)
                except ValueError:
                    pass
            """.replace("\n            ", "\n")
        }
    )

    session, monitor = watched(lab, "--leak-monitor-fail")

    assert warnings_of(monitor) == []
    assert session.ret == 0


def test_descriptors_that_are_never_closed_are_told(lab):
    lab.write(
        {
            "test_open.py": """
            import os, time, pytest

            @pytest.mark.parametrize("n", range(40))
            def test_it(n):
                os.open(os.devnull, os.O_RDONLY)
                deadline = time.perf_counter() + 0.055  # a sample is taken each 50 ms
                while time.perf_counter() < deadline:
                    pass
            """.replace("\n            ", "\n")
        }
    )

    _, monitor = watched(lab)

    ((kind, text),) = warnings_of(monitor)
    assert kind == "steady growth"
    assert "file descriptors after warm-up" in text


@needs_copies
def test_a_test_that_looks_at_what_is_alive_finds_nothing_held(lab):
    lab.write(
        {
            "shop.py": "registry = {}",
            "test_alive.py": """
            import gc, weakref, pytest, shop

            class Item: ...

            @pytest.mark.parametrize("n", range(30))
            def test_it(n):
                shop.registry[n] = object()

            def test_alive():
                item = Item()
                shop.registry["item"] = item
                ref = weakref.ref(item)
                shop.registry = {}
                del item
                gc.collect()
                assert ref() is None
            """.replace("\n            ", "\n"),
        }
    )

    session, _ = watched(lab)

    session.result.assert_outcomes(passed=31)


@needs_copies
def test_no_test_is_run_again_while_a_file_is_open_for_writing(lab):
    lab.write(
        {
            "test_log.py": """
            import pytest

            seen = []

            @pytest.fixture(scope="session")
            def log(tmp_path_factory):
                path = tmp_path_factory.mktemp("log") / "log.txt"
                with path.open("w") as file:
                    yield path, file

            @pytest.mark.parametrize("n", range(200))
            def test_it(n, log):
                path, file = log
                print(n, file=file, flush=True)
                seen.append(n)
                assert len(path.read_text().split()) == n + 1
            """.replace("\n            ", "\n")
        }
    )

    session, monitor = watched(lab, "--leak-monitor-fail")

    session.result.assert_outcomes(passed=200)
    assert session.ret == 0
    (growing,) = monitor[0]["growing"]
    assert (growing["holder"], growing["confirmed"]) == ("test_log.seen", "")


def test_a_holder_in_a_module_fixture_is_let_go_with_it(lab):
    lab.write(
        {
            "test_held.py": """
            import gc, weakref, pytest

            class Bus:
                def __init__(self):
                    self.items = []

            buses = []

            @pytest.fixture(scope="module")
            def bus():
                made = Bus()
                buses.append(weakref.ref(made))
                yield made

            @pytest.mark.parametrize("n", range(200))
            def test_it(n, bus):
                bus.items.append(object())
            """.replace("\n            ", "\n"),
            "test_last.py": """
            import gc, test_held

            def test_nothing_holds_it():
                gc.collect()
                assert test_held.buses[0]() is None
            """.replace("\n            ", "\n"),
        }
    )

    session, _ = watched(lab)

    session.result.assert_outcomes(passed=201)


def test_a_session_under_watch_reports_its_tests_as_a_plain_one(lab):
    lab.write(
        {
            **suite("keep", files=2),
            "test_other.py": """
            import pytest, unittest

            def test_fails():
                assert not "this"

            @pytest.mark.skip(reason="no")
            def test_skipped(): ...

            @pytest.mark.xfail
            def test_xfails():
                raise ValueError

            class TestCase(unittest.TestCase):
                def test_subtests(self):
                    for n in range(3):
                        with self.subTest(n=n):
                            assert n < 2
            """.replace("\n            ", "\n"),
        }
    )
    plain = lab.plain("-v", plugins=lab.subtests)

    session, _ = watched(lab, "-v", plugins=lab.subtests)

    assert session.stream == plain.stream
    assert session.ret == plain.ret == 1


def test_warnings_fail_the_session_if_that_is_asked_for(lab):
    lab.write(suite("keep"))

    session, _ = watched(lab, "--leak-monitor-fail", "-q")

    assert session.ret == 1
    assert "leak monitor failed: 1 warning (--leak-monitor-fail)" in session.raw


def test_a_quiet_session_without_warnings_says_nothing(lab):
    lab.write({"test_one.py": "def test_one(): ..."})

    session, _ = watched(lab, "-q")

    assert "leak monitor" not in session.raw


def test_each_worker_is_watched_and_the_controller_tells(lab):
    lab.write(suite("keep"))

    session, monitor = watched(lab, "-n2", plugins=("xdist",))

    assert [process["process"] for process in monitor] == ["gw0", "gw1"]
    assert sum(process["tests"] for process in monitor) == 300
    assert {kind for kind, _ in warnings_of(monitor)} == {"steady growth"}
    assert "worker gw0" in session.raw


def test_a_worker_that_crashes_is_named(lab):
    lab.write(
        {"test_crash.py": "import os\n\ndef test_one(): ...\n\ndef test_two():\n    os._exit(3)\n"}
    )

    session = lab.pytest("--leak-monitor", "-n1", plugins=("leakguard", "xdist"))

    assert "worker gw0 said nothing of what it had seen" in session.raw


@needs_copies
def test_beside_a_check_of_all_tests_their_verdicts_acquit(lab):
    lab.write(suite("warm", files=2))

    _, monitor = watched(lab, "--leak-check")

    assert warnings_of(monitor) == []


def test_finalisers_that_raise_are_counted(lab):
    lab.write(
        {
            "test_raising.py": """
            import pytest

            class Odd:
                def __del__(self):
                    raise ValueError("odd")

            @pytest.mark.filterwarnings("default")
            def test_it():
                Odd()
            """.replace("\n            ", "\n")
        }
    )

    _, monitor = watched(lab)

    ((what, times),) = monitor[0]["collections"]["raising"]
    assert what == "<function Odd.__del__>: ValueError: odd"
    assert times == 1


def test_the_ini_file_asks_for_it_too(lab):
    lab.write(
        {
            "pytest.ini": "[pytest]\nleak_monitor = true\nleak_monitor_high = 0.001%\n",
            "test_one.py": "def test_one(): ...",
        }
    )

    session = lab.pytest()

    assert "high use: resident set of " in session.raw


@pytest.mark.parametrize(
    ("option", "accepted"),
    [
        ("--leak-monitor-interval=0", "a time above 0, such as '10 s'"),
        ("--leak-monitor-interval=soon", "a time such as"),
        ("--leak-monitor-rapid=much", "a size such as"),
        ("--leak-monitor-high=200%", "a percentage above 0 and up to 100"),
    ],
)
def test_a_value_that_does_not_fit_ends_the_session_before_any_test(lab, option, accepted):
    lab.write({"test_one.py": "def test_one(): ..."})

    session = lab.pytest("--leak-monitor", option)

    assert session.ret == 4
    assert option.partition("=")[0] in session.err
    assert accepted in session.err


def test_a_monitor_that_cannot_begin_leaves_the_session_as_it_is(lab):
    lab.write(
        {
            "conftest.py": """
            import pytest_leakguard.monitor.process as process

            def refuse():
                raise OSError(24, "Too many open files")

            process.Readings = refuse
            """.replace("\n            ", "\n"),
            "test_one.py": "def test_one(): ...",
        }
    )

    session = lab.pytest("--leak-monitor", "-q")

    session.result.assert_outcomes(passed=1)
    assert session.ret == 0
    assert "the monitor itself failed" in session.raw


def test_a_session_that_only_collects_is_not_watched(lab):
    lab.write({"test_one.py": "def test_one(): ..."})

    session = lab.pytest("--leak-monitor", "--collect-only")

    assert session.ret == 0
    assert "leak monitor" not in session.raw


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_an_interrupted_session_tells_what_it_saw(lab):
    lab.write(
        {
            "test_stop.py": """
            import os, signal

            def test_one(): ...

            def test_two():
                os.kill(os.getpid(), signal.SIGINT)
            """.replace("\n            ", "\n")
        }
    )

    session = lab.pytest("--leak-monitor")

    assert session.ret == 2
    assert "leak monitor: 2 tests" in session.raw
