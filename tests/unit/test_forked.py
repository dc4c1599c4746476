"""Are re-runs judged in a child, whatever becomes of it, and does nothing of it stay behind?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace

import pytest

pytest.importorskip("posix", reason="there is no fork")

from pytest_leakguard import forkable, isolate
from pytest_leakguard.counters.children import describe_children
from pytest_leakguard.forkable import Harness, Obstacles
from pytest_leakguard.isolate import Limits, check_in_child
from pytest_leakguard.model import Result
from pytest_leakguard.settings import Settings

SOON = Limits(execution=0.2, between=0.2)
LATE = Limits(execution=60.0, between=60.0)
EXECUTIONS = 4


@dataclass
class Subject:
    """Does something in one of its executions, the first of which is the second of the test."""

    act: object
    at: int = 3
    executions: int = field(default=1)

    def run(self):
        self.executions += 1
        if self.executions == self.at:
            self.act()


def judge(subject):
    for _ in range(EXECUTIONS - 1):
        subject.run()
    return Result(verdict="clean", executions=EXECUTIONS, reason="é")


def run(act, *, at=3, limits=LATE):
    return check_in_child(judge, Subject(act, at), limits)


def children():
    return describe_children()


def test_the_result_of_the_child_is_returned_and_its_changes_are_not_seen():
    seen = []

    result = run(lambda: seen.append(os.getpid()))

    assert result == Result(verdict="clean", executions=EXECUTIONS, reason="é")
    assert seen == []
    assert children() == {}


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "ended by signal SIGKILL"),
        (os.abort, "ended by signal SIGABRT"),
        (lambda: os._exit(3), "exited with 3 by os._exit"),
        (lambda: os._exit(0), "exited with 0 by os._exit"),
        (lambda: os.closerange(3, 256), "closed the pipe by which they report"),
    ],
    ids=["killed", "aborted", "exited", "exited with 0", "closed the pipe"],
)
def test_a_child_that_ends_early_leaves_the_test_inconclusive(act, words):
    result = run(act)

    assert result.verdict == "inconclusive"
    assert result.reason.startswith(f"the isolated re-runs {words} in execution 3")
    assert result.executions == 3


def test_a_crash_is_told_with_its_line():
    result = run(lambda: os.kill(os.getpid(), signal.SIGSEGV))

    assert "ended by signal SIGSEGV in execution 3" in result.reason
    assert ", at test_forked.py:" in result.reason


def test_an_end_between_executions_is_told_as_such():
    def dies(subject):
        subject.run()
        os._exit(1)

    result = check_in_child(dies, Subject(None), LATE)

    assert result.reason == ("the isolated re-runs exited with 1 by os._exit after execution 2")


def test_a_child_that_hangs_is_ended_with_what_it_has_started():
    reading, writing = os.pipe()

    def hang():
        sleeps = [sys.executable, "-c", "import time; time.sleep(120)"]
        subprocess.Popen(sleeps, pass_fds=[writing])
        threading.Event().wait()

    result = run(hang, limits=Limits(execution=1.0, between=1.0))
    os.close(writing)
    # Its end is to be read once the last process has gone that could write.
    ended, _, _ = select.select([reading], [], [], 60)

    assert result.reason == "the isolated re-runs did not end within 1.0 s in execution 3"
    assert children() == {}
    assert ended
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_a_child_that_a_grandchild_outlives_is_noticed():
    def leave():
        if not os.fork():
            threading.Event().wait()
        os._exit(5)

    assert "exited with 5" in run(leave).reason


def test_a_process_that_a_test_forks_and_does_not_end_says_nothing():
    result = run(os.fork)

    assert result.verdict == "clean"


def test_a_judge_that_fails_is_told():
    def fails(subject):
        subject.run()
        raise LookupError("nothing there")

    result = check_in_child(fails, Subject(None), LATE)

    assert result.verdict == "inconclusive"
    assert "failed with LookupError: nothing there (test_forked.py:" in result.reason
    assert result.reason.endswith(") after execution 2")


def test_what_ends_a_session_is_raised_in_the_parent():
    def interrupt():
        raise KeyboardInterrupt("stop")

    with pytest.raises(KeyboardInterrupt, match="stop"):
        run(interrupt)

    assert children() == {}


def test_an_exception_may_be_named_as_one_that_ends_a_session():
    def leave():
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        check_in_child(judge, Subject(leave), LATE, (LookupError,))


def test_an_interrupt_of_the_parent_ends_the_child():
    parent = os.getpid()

    def interrupt():
        os.kill(parent, signal.SIGINT)
        threading.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        run(interrupt)

    assert children() == {}


def test_a_session_that_collects_all_children_by_itself_is_no_obstacle():
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert run(lambda: None).verdict == "clean"
        assert run(lambda: os._exit(3)).reason == "the isolated re-runs ended in execution 3"
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_result_larger_than_a_pipe_arrives_whole():
    series = {"blocks": tuple(range(100_000))}

    result = check_in_child(lambda _: Result(verdict="clean", series=series), Subject(None), LATE)

    assert result.series == series


def test_nothing_stays_open():
    before = os.listdir("/dev/fd")

    run(lambda: None)
    run(lambda: os._exit(1))

    assert os.listdir("/dev/fd") == before


def test_random_numbers_go_on_as_without_a_fork():
    random.seed(3)
    expected = random.random()
    random.seed(3)

    drawn = check_in_child(
        lambda _: Result(verdict="clean", reason=repr(random.random())), Subject(None), LATE
    )

    assert drawn.reason == repr(expected)


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_a_loop_of_the_parent_is_not_disturbed_by_what_the_child_does_to_it():
    loop = asyncio.new_event_loop()
    try:
        polled = forkable.polled(loop._selector.fileno())

        result = run(loop.close)

        assert result.verdict == "clean"
        assert forkable.polled(loop._selector.fileno()) == polled != {}
        loop.call_later(0, loop.stop)
        loop.run_forever()
    finally:
        loop.close()


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_a_loop_of_the_parent_works_in_the_child():
    loop = asyncio.new_event_loop()

    async def talk():
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)  # noqa: FBT003  # as it is called
            far.sendall(b"here")
            assert await asyncio.get_running_loop().sock_recv(near, 9) == b"here"
        await asyncio.to_thread(lambda: None)  # wakes the loop from outside

    try:
        assert run(lambda: loop.run_until_complete(talk())).verdict == "clean"
    finally:
        loop.close()


def test_the_time_limit_follows_from_the_settings_and_the_first_run():
    limits = Limits.of(Settings(confirm=10), own_seconds=0.5)

    assert limits.execution == 10 + isolate.STALL_SECONDS + 0.5 * isolate.SLOWER
    assert limits.between == limits.execution + isolate.BETWEEN_SECONDS


# What a fork does not carry


def obstacle(harness):
    return Obstacles(harness).first()


@pytest.fixture
def harness():
    """What belongs to the session that runs these tests."""
    own = set()
    for number in map(int, os.listdir("/dev/fd")):
        with contextlib.suppress(OSError):  # that of the listing
            os.fstat(number)
            own.add(number)
    return Harness(connections=lambda: own)


def test_a_process_with_one_thread_is_carried(harness):
    assert obstacle(harness) == ""


def test_a_thread_is_not_carried_and_is_named(harness):
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="server")
    thread.start()
    try:
        assert obstacle(harness) == "thread 'server' runs, which a fork does not carry"
        assert obstacle(replace(harness, modules=harness.modules | {"threading"})) == ""
    finally:
        done.set()
        thread.join()


def test_a_thread_that_is_about_to_end_is_waited_for_once(harness):
    obstacles = Obstacles(harness)
    done = threading.Event()
    staying = threading.Thread(target=done.wait, name="server")
    staying.start()
    try:
        assert "'server'" in obstacles.first()
        ending = threading.Timer(0.01, lambda: None)
        ending.start()
        assert "'server'" in obstacles.first()
        assert not ending.is_alive()
    finally:
        done.set()
        staying.join()

    assert obstacles.first() == ""


def test_a_child_process_is_not_carried_until_it_has_ended(harness):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        said = obstacle(harness)
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        afterwards = obstacle(harness)

    assert said.startswith("child process 'python")
    assert said.endswith("' runs, which a fork does not carry")
    assert afterwards == ""


def test_a_connection_is_not_carried_unless_it_is_the_harnesss_own(harness):
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert obstacle(harness) == ""
        with socket.create_connection(server.getsockname()) as client:
            port = server.getsockname()[1]
            said = obstacle(harness)
            own = {*harness.connections(), client.fileno()}
            spared = obstacle(Harness(connections=lambda: own))

    assert said == f"a connection to 127.0.0.1:{port} is open, which a fork does not carry"
    assert spared == ""


def test_a_pair_of_sockets_and_a_datagram_socket_are_carried(harness):
    near, far = socket.socketpair()
    with near, far, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(("127.0.0.1", 9))

        assert obstacle(harness) == ""


def test_a_loop_that_handles_signals_is_not_carried(harness):
    loop = asyncio.new_event_loop()
    try:
        loop.add_signal_handler(signal.SIGUSR1, lambda: None)
        said = obstacle(harness)
        assert loop.remove_signal_handler(signal.SIGUSR1)
    finally:
        loop.close()

    assert said == "an event loop that handles signals is open, which a fork does not carry"
    assert obstacle(harness) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_what_is_polled_is_read_from_the_system():
    near, far = socket.socketpair()
    with near, far, select.epoll() as poll:
        poll.register(near, select.EPOLLIN)
        registered = near.fileno()
        events = forkable.polled(poll.fileno())

    assert list(events) == [registered]
    assert events[registered] & select.EPOLLIN


# Without pytest

_CALLABLES = """
import os

from pytest_leakguard import check

first, kept, elsewhere, noted = os.getpid(), [], [], {}

def only_elsewhere():
    if os.getpid() != first:
        elsewhere.append(object())

if __name__ == "__main__":
    leak = check(lambda: kept.append(object()), isolate=True, confirm="2 s")
    print(leak.verdict, leak.findings[0].holder, len(kept), leak.not_isolated)
    odd = check(only_elsewhere, isolate=True, confirm="2 s")
    print(odd.verdict, odd.reason, len(elsewhere))
    once = check(lambda: noted.setdefault(os.getpid(), []).clear(), isolate=True)
    print(once.verdict, once.executions)
"""


def test_a_callable_is_checked_in_a_child_and_what_only_a_child_does_accuses_nobody(tmp_path):
    script = tmp_path / "app.py"
    script.write_text(_CALLABLES, encoding="utf-8")

    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, timeout=60
    )

    leak, odd, once = ended.stdout.splitlines()
    assert leak == "leak __main__.kept 1 "
    assert odd == (
        "inconclusive grows in a forked child, but app.py:9 asks in which process it is and may do"
        " otherwise in the first one: check this test without --leak-isolate 0"
    )
    assert once == "clean 9"
