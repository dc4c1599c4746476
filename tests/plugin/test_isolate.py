"""With --leak-isolate, is a session after re-runs as after a plain run, whatever the re-runs do?"""

from __future__ import annotations

import os
import sys

import pytest

pytest.importorskip("posix", reason="there is no fork")

#: Runs the rest of a test from its third execution on, which is the second re-run.
_LATER = """
import os, signal, sys, threading

runs = []

def later():
    runs.append(1)
    return len(runs) > 2
"""


@pytest.fixture
def isolated(lab):
    """Run tests with --leak-isolate; returns the session, whose JSON report is valid."""

    def run(text: str, *options: str, plugins: tuple[str, ...] = (), **files: str):
        lab.write({"test_it.py": text, **files})
        return lab.checked("--leak-isolate", "--leak-confirm=1 s", *options, plugins=plugins)

    return run


def told(lab, key):
    return {
        test["nodeid"].rpartition("::")[2]: test[key] for test in lab.json()["tests"] if test[key]
    }


_CHANGES = """
import os
import os
import sys
from pathlib import Path

import pytest

kept = []
log = Path(__file__).with_name("log")

@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("place"))
    yield
    os.chdir(before)

def test_changes():
    kept.append(object())
    os.environ["CHANGES"] = os.environ.get("CHANGES", "") + "x"
    sys.modules[f"module{len(kept)}"] = sys
    os.makedirs("deeper")
    os.chdir("deeper")
    with open(log, "a") as lines:
        lines.write("x")

def test_sees_one_run():
    assert len(kept) == 1
    assert os.environ["CHANGES"] == "x"
    assert [name for name in sys.modules if name.startswith("module")] == ["module1"]
    assert Path.cwd().name == "deeper"
    assert Path.cwd().parent.name == "place0"

def test_the_disk_has_seen_more():
    print("written:", len(log.read_text()))
"""


def test_a_later_test_sees_what_one_run_has_changed(isolated, lab):
    session = isolated(_CHANGES, "-rP")

    assert lab.verdicts()["test_changes"] == "leak"
    assert session.reports.count(("test_sees_one_run", "call", "passed")) == 1
    assert told(lab, "not_isolated") == {}
    written = int(session.raw.partition("written: ")[2].split()[0])
    assert written == told(lab, "executions")["test_changes"] > 1


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended by signal SIGKILL in execution 3"),
        ("os._exit(3)", "exited with 3 by os._exit in execution 3"),
        (
            "os.kill(os.getpid(), signal.SIGSEGV)",
            "ended by signal SIGSEGV in execution 3, at test_it.py:14 in test_it",
        ),
        ("threading.Event().wait()", "did not end within 2."),
    ],
    ids=["killed", "exited", "crashed", "hanging"],
)
def test_a_session_survives_what_becomes_of_its_re_runs(isolated, lab, act, words):
    session = isolated(
        f"""{_LATER}
def test_before():
    pass

def test_it():
    if later():
        {act}

def test_after():
    assert len(runs) == 1
"""
    )

    assert session.ret == 0
    assert session.result.parseoutcomes() == {"passed": 3}
    assert lab.verdicts() == {
        "test_before": "clean",
        "test_it": "inconclusive",
        "test_after": "clean",
    }
    assert told(lab, "reason")["test_it"].startswith(f"the isolated re-runs {words}")
    assert "Fatal Python error" not in session.raw + session.result.stderr.str()
    assert "inconclusive: test_it.py::test_it: the isolated re-runs " in session.raw


def test_a_marked_test_whose_re_runs_crash_fails_with_the_reason(isolated):
    session = isolated(
        f"""{_LATER}
import pytest

@pytest.mark.noleak
def test_it():
    if later():
        os._exit(3)
"""
    )

    assert session.ret == 1
    session.result.stdout.fnmatch_lines(
        ["*leak check inconclusive: the isolated re-runs exited with 3 by os._exit in execution 3"]
    )


def test_a_re_run_that_fails_is_told_as_without_isolation(isolated, lab):
    isolated(
        f"""{_LATER}
def test_it():
    assert not later(), "twice is too much"
"""
    )

    reason = told(lab, "reason")["test_it"]
    assert reason.startswith("fails on re-run (execution 2): failed in call: AssertionError: twice")


@pytest.mark.parametrize("error", ["raise KeyboardInterrupt", "pytest.exit('enough', 7)"])
def test_what_ends_a_session_in_a_re_run_ends_it_after_the_first_runs_reports(isolated, error):
    session = isolated(
        f"""{_LATER}
import pytest

def test_it():
    if later():
        {error}

def test_after():
    pass
""",
        "-s",
    )

    assert session.ret == (7 if "exit" in error else pytest.ExitCode.INTERRUPTED)
    assert [report for report in session.reports if report[1] == "call"] == [
        ("test_it", "call", "passed")
    ]


def test_an_interrupt_of_the_session_ends_the_re_runs(isolated, lab):
    session = isolated(
        f"""{_LATER}
session = os.getpid()

def test_it():
    if later():
        (open("child", "w")).write(str(os.getpid()))
        os.kill(session, signal.SIGINT)
        threading.Event().wait()

def test_after():
    pass
"""
    )

    child = (lab.path / "child").read_text(encoding="utf-8")
    assert session.ret == pytest.ExitCode.INTERRUPTED
    assert ("test_it", "call", "passed") in session.reports
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)


_THREAD = """
import threading

import pytest

kept = []

@pytest.fixture(scope="module")
def server():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="server")
    thread.start()
    yield
    stop.set()
    thread.join()

def test_sound(server):
    pass

def test_leaks(server):
    kept.append(object())
"""


def test_where_a_thread_runs_the_re_runs_stay_in_the_session_and_it_is_said(isolated, lab):
    session = isolated(_THREAD)

    why = "thread 'server' runs, which a fork does not carry"
    assert lab.verdicts() == {"test_sound": "clean", "test_leaks": "leak"}
    assert told(lab, "not_isolated") == {"test_sound": why, "test_leaks": why}
    assert f"not isolated: 2 tests: {why}\n" in session.raw


_OWN_PROCESS = """
import os

import pytest

first = os.getpid()
seen = []

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    seen.append(number) if os.getpid() == first else None
    assert len(seen) <= 4, "ran again in the session's process"
"""


@pytest.mark.parametrize(
    ("options", "plugins"),
    [
        ((), ()),
        (("-n2",), ("xdist",)),
        (("-n2",), ("xdist", "rerunfailures")),
        (("--reruns=1",), ("rerunfailures",)),
        (("-s",), ()),
        (("--capture=sys",), ()),
        (("--capture=tee-sys",), ()),
        (("--pdb",), ()),
        (("--timeout=60",), ("timeout",)),
        (("--timeout=60", "--timeout-method=thread"), ("timeout",)),
        (("-o", "faulthandler_timeout=60"), ()),
        (("-p", "no:faulthandler"), ()),
        (("--leak-trace=always",), ()),
    ],
    ids=lambda value: " ".join(value) or "-",
)
def test_the_re_runs_happen_elsewhere_in_each_kind_of_session(isolated, lab, options, plugins):
    session = isolated(_OWN_PROCESS, *options, plugins=plugins)

    assert session.ret == 0
    assert session.result.parseoutcomes() == {"passed": 4}
    assert set(lab.verdicts().values()) == {"clean"}
    assert set(lab.rerun()) == {f"test_it[{number}]" for number in range(4)}
    assert told(lab, "not_isolated") == {}


def test_sound_tests_take_as_many_executions_as_in_the_session(isolated, lab):
    isolated("""
import pytest

def test_sound():
    [object()]

@pytest.mark.noleak
def test_marked(tmp_path):
    (tmp_path / "file").write_text("x")
""")

    # CPython 3.10 gives each function a cache at its 1,024th call: where that falls is by chance.
    further = 4 if sys.version_info < (3, 11) else 0
    executions = told(lab, "executions")
    assert executions["test_sound"] <= 5 + further
    assert executions["test_marked"] <= 9 + further


def test_what_re_runs_print_reaches_nobody(isolated, lab):
    text = """
import os
import os
import sys

first = os.getpid()

def test_prints():
    if os.getpid() != first:
        os.write(1, b"written later")
        os.write(2, b"written later")
        print("printed later", file=sys.__stderr__, flush=True)
    print("printed at first", flush=True)
"""
    session = isolated(text, "-s")

    assert lab.verdicts() == {"test_prints": "clean"}
    assert session.raw.count("printed at first") == 1
    assert "later" not in session.raw + session.result.stderr.str()


def test_what_stands_in_a_buffer_is_written_once(isolated, lab):
    isolated("""
import pytest

@pytest.fixture(scope="module")
def log():
    with open("log", "w") as log:
        yield log

def test_writes(log):
    log.write("line\\n")

def test_writes_too(log):
    log.write("line\\n")
""")

    assert (lab.path / "log").read_text(encoding="utf-8") == "line\n" * 2


def test_a_time_out_covers_each_re_run(isolated, lab):
    isolated(
        f"""{_LATER}
def test_it():
    if later():
        threading.Event().wait()
""",
        "--timeout=1",
        "--leak-confirm=10 s",
        plugins=("timeout",),
    )

    assert "failed in call: Failed: Timeout" in told(lab, "reason")["test_it"]


def test_a_re_run_that_a_time_out_ends_with_its_process_leaves_the_session_alone(isolated, lab):
    session = isolated(
        f"""{_LATER}
def test_it():
    if later():
        threading.Event().wait()

def test_after():
    pass
""",
        "--timeout=1",
        "--timeout-method=thread",
        "--leak-confirm=10 s",
        plugins=("timeout",),
    )

    assert session.ret == 0
    assert told(lab, "reason")["test_it"] == (
        "the isolated re-runs exited with 1 by os._exit in execution 3"
    )


def test_files_in_the_temporary_directory_are_counted(isolated, lab):
    isolated("""
import tempfile

def test_leaves_a_file():
    tempfile.NamedTemporaryFile(delete=False).close()
""")

    finding = lab.json()["tests"][0]["findings"][0]
    assert lab.verdicts() == {"test_leaves_a_file": "leak"}
    assert finding["type"] == "temporary file"


_LOOPS = """
import asyncio
import os

import pytest
import pytest_asyncio

first = os.getpid()
seen = []

@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def echo():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", range(3))
async def test_echo(echo, number):
    if os.getpid() == first:
        seen.append(number)
    assert len(seen) <= 3
    reader, writer = await asyncio.open_connection(*echo[:2])
    writer.write(b"hello\\n")
    assert await reader.readline() == b"hello\\n"
    writer.close()
    await writer.wait_closed()

@pytest.mark.asyncio
async def test_own_loop():
    await asyncio.sleep(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hand loops on")
def test_a_loop_that_is_wider_than_a_test_serves_session_and_child(isolated, lab):
    pytest.importorskip("pytest_asyncio")
    session = isolated(
        _LOOPS, "-o", "asyncio_default_fixture_loop_scope=function", plugins=("asyncio",)
    )

    assert session.result.parseoutcomes() == {"passed": 4}
    assert set(lab.verdicts().values()) == {"clean"}
    assert told(lab, "not_isolated") == {}


def test_the_ini_file_may_ask_for_it_and_the_header_says_so(lab):
    lab.write(
        {"test_it.py": _OWN_PROCESS, "pytest.ini": "[pytest]\nleak_isolate = true\n"},
    )
    asked = lab.checked()
    taken_back = lab.checked("-o", "leak_isolate=false", "-k", "0")

    assert asked.ret == 0
    assert "; re-runs happen in forked children" in asked.raw
    assert "forked" not in taken_back.raw


def test_a_value_that_is_no_switch_is_a_usage_error(lab):
    lab.write({"test_it.py": "", "pytest.ini": "[pytest]\nleak_isolate = maybe\n"})

    session = lab.pytest()

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert "leak_isolate in pytest.ini: expected true or false (got 'maybe')" in session.err


def test_without_a_fork_the_session_says_so_and_checks_as_ever(isolated, lab):
    session = isolated(
        """
kept = []

def test_leaks():
    kept.append(object())
""",
        "-p",
        "no_fork",
        **{"no_fork.py": "import os\ndel os.fork\n"},
    )

    assert lab.verdicts() == {"test_leaks": "leak"}
    assert "; not isolated: this platform cannot fork" in session.raw
    assert "not isolated: 1 test: this platform cannot fork\n" in session.raw


def test_findings_are_those_of_re_runs_in_the_session(isolated, lab):
    text = """
import pytest

class Bus:
    def __init__(self):
        self.handlers = []
    def subscribe(self, handler):
        self.handlers.append(handler)

bus = Bus()
names = {}

def test_subscribes():
    bus.subscribe(lambda price: price)

def test_names():
    names[f"name {len(names)}"] = []

@pytest.mark.noleak
def test_descriptor():
    import os
    os.dup(0)

def test_sound():
    bus.handlers.copy()
"""
    isolated(text)
    in_children = lab.json()["tests"]
    lab.checked("--leak-confirm=1 s")
    in_the_session = lab.json()["tests"]

    for one, other in zip(in_children, in_the_session, strict=True):
        assert one["verdict"] == other["verdict"]
        for key in ("holder", "pattern", "fingerprint", "objects_per_run", "type"):
            assert [f[key] for f in one["findings"]] == [f[key] for f in other["findings"]]
