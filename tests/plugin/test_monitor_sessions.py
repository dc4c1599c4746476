"""Whole sessions under watch: what they tell, and what they leave as it is."""

from __future__ import annotations

import sys
import textwrap

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
    assert memo["acquitted"].endswith(" tests that had added to it added nothing when run again")


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


SOUND = {
    "a cache of open files": """
        import functools, pytest, time

        @functools.lru_cache(maxsize=64)
        def handle(n):
            return open(__file__)

        @pytest.mark.parametrize("n", range(60))
        def test_it(n):
            time.sleep(0.02)
            assert handle(n)
        """,
    "a pool of threads that fills up": """
        import threading, time, pytest
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(max_workers=64)

        @pytest.mark.parametrize("n", range(40))
        def test_it(n):
            barrier = threading.Barrier(n + 1)
            for waiting in [pool.submit(barrier.wait) for _ in range(n + 1)]:
                waiting.result()
            time.sleep(0.02)
        """,
    "a store with a bound that is far away": """
        import pathlib, time, pytest

        MOST, texts = 1_000, {}

        def load(path):
            if path not in texts:
                if len(texts) >= MOST:
                    del texts[next(iter(texts))]
                texts[path] = path.read_text()
            return texts[path]

        @pytest.mark.parametrize("n", range(80))
        def test_it(n, tmp_path):
            path = tmp_path / "file"
            path.write_text("text")
            assert load(path) == "text"
        """,
    "a list that a new one takes the place of": """
        import sys, time, pytest

        shop = sys.modules[__name__]
        shop.events = []

        @pytest.fixture(scope="module", autouse=True)
        def clean():
            yield
            shop.events = []

        @pytest.mark.parametrize("n", range(80))
        def test_it(n):
            shop.events.append(("event", n))
        """,
    "a batch that is swapped when it is full": """
        import time, pytest

        class Exporter:
            def __init__(self):
                self.batch = []

            def add(self, event):
                self.batch.append(event)
                if len(self.batch) >= 1_000:
                    self.flush()

            def flush(self):
                batch, self.batch = self.batch, []

        exporter = Exporter()

        @pytest.mark.parametrize("n", range(80))
        def test_it(n):
            exporter.add({"n": n})
        """,
    "a list that lives as long as its class": """
        import time, unittest

        class ItTest(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.rows = []

            def add(self):
                self.rows.append(len(self.rows))

        for number in range(80):
            setattr(ItTest, f"test_{number}", ItTest.add)

        def test_later():
            time.sleep(0.01)
        """,
}


@needs_copies
@pytest.mark.parametrize("tests", SOUND.values(), ids=SOUND.keys())
def test_what_fills_up_without_leaking_is_not_accused(lab, tests):
    lab.write({"test_sound.py": textwrap.dedent(tests)})

    session, monitor = watched(lab, "--leak-monitor-fail")

    assert warnings_of(monitor) == []
    assert session.ret == 0


@needs_copies
def test_what_a_hook_of_the_suite_notes_is_not_accused(lab):
    lab.write(
        {
            "conftest.py": """
            durations = []

            def pytest_runtest_makereport(item, call):
                durations.append((item.nodeid, call.duration))
            """.replace("\n            ", "\n"),
            "test_sound.py": """
            import pytest

            @pytest.mark.parametrize("n", range(80))
            def test_it(n):
                assert n >= 0
            """.replace("\n            ", "\n"),
        }
    )

    session, monitor = watched(lab, "--leak-monitor-fail")

    assert warnings_of(monitor) == []
    assert session.ret == 0


def test_the_monitor_keeps_nothing_alive_that_a_test_replaces(lab):
    lab.write(
        {
            "test_spaces.py": """
            import pathlib, tempfile, pytest

            class Manager:
                spaces = []

            @pytest.fixture(autouse=True)
            def anew():
                Manager.spaces = []

            made = []

            @pytest.mark.parametrize("n", range(60))
            def test_it(n):
                assert not any(path.exists() for path in made)
                space = tempfile.TemporaryDirectory()
                Manager.spaces += [space, n, n]
                made.append(pathlib.Path(space.name))
            """.replace("\n            ", "\n"),
        }
    )

    session, _ = watched(lab, "-W", "ignore::ResourceWarning")

    assert session.ret == 0


@needs_copies
def test_a_test_is_not_run_again_beside_a_semaphore(lab):
    lab.write(
        {
            "app.py": APP,
            "test_locks.py": """
            import multiprocessing, pytest, app

            lock = multiprocessing.Lock()

            @pytest.mark.parametrize("n", range(60))
            def test_it(n):
                with lock:
                    app.memo(n)
            """.replace("\n            ", "\n"),
        }
    )

    session, monitor = watched(lab)

    assert session.ret == 0
    memo = next(one for one in monitor[0]["growing"] if one["holder"] == "app.memo")
    assert memo["acquitted"].startswith(
        "unproven, its tests could not be run again: memory is shared (/dev/shm/"
    )


@needs_copies
def test_threads_that_are_never_ended_are_told(lab):
    lab.write(
        {
            "test_threads.py": """
            import threading, time, pytest

            def work():
                threading.Event().wait()

            @pytest.mark.parametrize("n", range(60))
            def test_it(n):
                threading.Thread(target=work, daemon=True).start()
                time.sleep(0.02)
            """.replace("\n            ", "\n"),
        }
    )

    _, monitor = watched(lab)

    ((kind, text),) = warnings_of(monitor)
    assert kind == "steady growth"
    assert " threads after warm-up, +1 per test" in text


@needs_copies
def test_a_warning_says_where_it_comes_from_and_what_to_do(lab):
    lab.write(suite("keep"))

    session, monitor = watched(lab)

    (warning,) = monitor[0]["warnings"]
    assert warning["advice"].startswith("app.py:12 in keep; global accumulation: ")
    assert f"  {warning['advice']}" in session.raw


def test_a_holder_in_a_session_fixture_is_named_by_it(lab):
    lab.write(
        {
            "conftest.py": """
            import pytest

            class App:
                def __init__(self):
                    self.handlers = []

            @pytest.fixture(scope="session")
            def app():
                return App()
            """.replace("\n            ", "\n"),
            **{
                f"test_{number}.py": """
                import pytest, time

                @pytest.mark.parametrize("n", range(20))
                def test_it(n, app):
                    time.sleep(0.005)
                    app.handlers.append(bytes(1024))
                """.replace("\n                ", "\n")
                for number in range(6)
            },
        }
    )

    _, monitor = watched(lab)

    (growing,) = [one for one in monitor[0]["growing"] if one["steady"]]
    assert growing["holder"] == "fixture app.handlers"


OUTSIDE = """
    import contextlib, pathlib, sqlite3, pytest, app

    @pytest.fixture(scope="session")
    def log(tmp_path_factory):
        return tmp_path_factory.mktemp("log") / "audit.txt"

    def a_file(log, n):
        with log.open("a") as file:
            file.write("x")
        return len(log.read_text())

    def a_database(log, n):
        with contextlib.closing(sqlite3.connect(log)) as data, data:
            data.execute("create table if not exists t (n)")
            data.execute("insert into t values (1)")
            return data.execute("select count(*) from t").fetchone()[0]

    def a_directory(log, n):
        (log.parent / str(n)).mkdir()
        return len([*log.parent.iterdir()])

    @pytest.mark.parametrize("n", range(60))
    def test_it(n, log):
        app.memo(n)
        assert {act}(log, n) == n + 1
    """


@needs_copies
@pytest.mark.parametrize("act", ["a_file", "a_database", "a_directory"])
def test_what_tests_do_outside_of_the_process_is_done_once(lab, act):
    tests = textwrap.dedent(OUTSIDE).format(act=act)
    lab.write({"app.py": APP, "test_outside.py": tests})

    session, monitor = watched(lab)

    assert session.ret == 0
    memo = next(one for one in monitor[0]["growing"] if one["holder"] == "app.memo")
    assert memo["acquitted"].startswith(
        "unproven, its tests could not be run again: the test writes to "
    )


def test_a_test_that_looks_at_the_collector_s_callbacks_finds_none(lab):
    lab.write(
        {
            "test_callbacks.py": """
            import gc

            def test_it():
                assert gc.callbacks == []
            """.replace("\n            ", "\n"),
        }
    )

    session, _ = watched(lab)

    assert session.ret == 0


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

            class Items(list):
                pass

            class Bus:
                def __init__(self):
                    self.items = Items()

            lists = []

            @pytest.fixture(scope="module")
            def bus():
                made = Bus()
                lists.append(weakref.ref(made.items))
                yield made

            def are_gone():
                gc.collect()
                return lists[0]() is None

            @pytest.mark.parametrize("n", range(200))
            def test_it(n, bus):
                bus.items.append(object())
            """.replace("\n            ", "\n"),
            "test_last.py": """
            import test_held

            def test_nothing_holds_it():
                assert test_held.are_gone()
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


def test_a_monitor_that_fails_tells_what_it_saw_until_then(lab):
    lab.write(
        {
            "conftest.py": """
            from pytest_leakguard.monitor.process import ProcessMonitor

            end = ProcessMonitor.end

            def fails(self, *args, **named):
                if self._tests == 20:
                    raise RuntimeError("on purpose")
                end(self, *args, **named)

            ProcessMonitor.end = fails
            """.replace("\n            ", "\n"),
            "test_many.py": """
            import pytest

            @pytest.mark.parametrize("n", range(40))
            def test_it(n):
                pass
            """.replace("\n            ", "\n"),
        }
    )

    session, monitor = watched(lab)

    assert session.ret == 0
    assert monitor[0]["tests"] == 20
    assert "the monitor itself failed, please report it: RuntimeError('on purpose')" in session.raw


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
