"""What a run does outside of its process, in a child that is held back from it."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_leakguard.fence import Fence
from pytest_leakguard.forkable import CAN_COPY
from pytest_leakguard.isolate import Limits, run_in_child
from pytest_leakguard.model import Result

pytestmark = pytest.mark.skipif(not CAN_COPY, reason="this platform copies no processes")
LIMITS = Limits(execution=20, between=20)


class Call:
    def __init__(self, function):
        self.run = function


def refused(directory, run, *, before=lambda: None):
    """Run something in a child behind a fence, and return why it was ended, or what failed."""

    def work(parent):
        before()
        fence = Fence(
            str(directory), lambda what: parent.left_with(Result(verdict="clean", reason=what))
        )
        subject = fence.around(Call(run))
        try:
            subject.run()
        except Exception as error:
            return Result(verdict="clean", reason=repr(error))
        return Result(verdict="clean")

    return run_in_child(work, LIMITS).reason


@pytest.fixture
def outside(tmp_path):
    """Return a directory that is not the one where files may be made, with a file in it."""
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "file").write_text("as it was")
    return directory


@pytest.fixture
def inside(tmp_path):
    directory = tmp_path / "inside"
    directory.mkdir()
    return directory


CHANGES = {
    "append": lambda path: path.open("a"),
    "write by descriptor": lambda path: os.open(path, os.O_WRONLY),
    "make": lambda path: path.with_name("new").touch(),
    "remove": lambda path: path.unlink(),
    "rename": lambda path: path.rename(path.with_name("other")),
    "truncate": lambda path: os.truncate(path, 0),
    "make a directory": lambda path: path.with_name("directory").mkdir(),
    "remove a directory": lambda path: path.parent.rmdir(),
    "link": lambda path: path.with_name("link").symlink_to(path),
    "change its mode": lambda path: path.chmod(0o600),
    "change its times": os.utime,
    "a database": lambda path: sqlite3.connect(path.with_name("data")),
    "a database by its address": lambda path: sqlite3.connect(f"file:{path}?mode=rw", uri=True),
    "a socket with a name": lambda path: socket.socket(socket.AF_UNIX).bind(str(path) + "s"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_file_elsewhere_is_left_as_it_is(inside, outside, change):
    file = outside / "file"

    assert refused(inside, lambda: change(file)).startswith(f"writes to {outside}")
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert file.read_text() == "as it was"


def test_a_link_does_not_lead_out(inside, outside):
    (inside / "link").symlink_to(outside)

    assert refused(inside, lambda: (inside / "link" / "file").write_text("changed"))
    assert (outside / "file").read_text() == "as it was"


def test_a_file_is_removed_by_the_descriptor_of_its_directory(inside, outside):
    def remove():
        os.remove("file", dir_fd=os.open(outside, os.O_RDONLY))

    assert refused(inside, remove) == f"writes to {outside / 'file'}"


def test_files_in_the_directory_are_made_changed_and_removed(inside):
    def work():
        new = inside / "new"
        new.mkdir()
        (new / "file").write_text("text")
        (new / "file").rename(new / "other")
        (new / "link").symlink_to(new / "other")
        (new / "other").chmod(0o600)
        sqlite3.connect(new / "data").close()
        for path in new.iterdir():
            path.unlink()
        new.rmdir()

    assert refused(inside, work) == ""


def test_what_reads_or_stays_in_the_process_is_done(inside, outside):
    def work():
        (outside / "file").read_text()
        Path(os.devnull).write_text("nowhere")
        sqlite3.connect(":memory:").close()
        os.kill(os.getpid(), 0)
        near, _far = socket.socketpair()
        near.sendall(b"x")
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
        with (outside / "file").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)

    assert refused(inside, work) == ""


def test_a_named_pipe_is_made_in_the_directory_only(inside, outside):
    def work():
        os.mkfifo(inside / "pipe")
        os.mkfifo(outside / "pipe")

    assert refused(inside, work) == f"writes to {outside / 'pipe'}"
    assert not (outside / "pipe").exists()


def test_no_process_is_spawned(inside):
    def work():
        process = multiprocessing.get_context("spawn").Process(target=print)
        process.start()

    assert refused(inside, work) == "starts a process"


REACHES = {
    "process": (lambda _: subprocess.run([sys.executable, "-V"], check=False), "starts a process"),
    "shell": (lambda _: os.system("true"), "starts a process"),
    "signal": (lambda _: os.kill(os.getppid(), signal.SIGUSR1), "signals another process"),
    "lock": (lambda file: fcntl.flock(file, fcntl.LOCK_EX), "locks a file that was open before"),
}


@pytest.mark.parametrize(("reach", "what"), REACHES.values(), ids=REACHES.keys())
def test_other_processes_are_not_reached(inside, outside, reach, what):
    with (outside / "file").open() as file:
        assert refused(inside, lambda: reach(file)) == what


def test_a_server_that_was_there_before_is_not_called(inside):
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()

        said = refused(inside, lambda: socket.create_connection((host, port)))

        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert said == f"connects to {host}:{port}"


def test_a_thread_of_a_run_is_held_back_as_well(inside, outside):
    def work():
        thread = threading.Thread(target=(outside / "file").write_text, args=("changed",))
        thread.start()
        thread.join()

    assert refused(inside, work) == f"writes to {outside / 'file'}"


def test_what_is_done_between_runs_is_not_held_back(tmp_path, inside, outside):
    def work(parent):
        fence = Fence(
            str(inside), lambda what: parent.left_with(Result(verdict="clean", reason=what))
        )
        fence.around(Call(lambda: None)).run()
        (outside / "notes").touch()
        return Result(verdict="clean", reason="done")

    assert run_in_child(work, LIMITS).reason == "done"
    assert (outside / "notes").exists()
