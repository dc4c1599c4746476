"""What this process shares with others, so that runs in a child would be noticed."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import socket
import sys

import pytest

from pytest_leakguard.shared import Shared, identity_of_file, standard_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is asked of /proc")


@pytest.fixture
def shared():
    return Before()


class Before:
    """What is shared besides what was before: those who run the tests may have files open."""

    def __init__(self):
        numbers = map(int, os.listdir("/proc/self/fd"))
        self._files = standard_files() | set(map(identity_of_file, numbers))
        self._shared = Shared()
        if self.first():
            pytest.skip("those who run the tests share something")

    def first(self, *files, **settings):
        return self._shared.first(self._files | set(files), **settings)


def first(shared, **settings):
    return shared.first(**settings)


def test_a_file_that_is_open_for_writing_is_shared(shared, tmp_path):
    path = tmp_path / "log"
    with path.open("w") as file:
        assert first(shared) == f"{path} is open for writing"
        assert shared.first(identity_of_file(file.fileno())) == ""
    with path.open():
        assert first(shared) == ""


def test_a_file_without_a_name_is_nobody_else_s(shared, tmp_path):
    path = tmp_path / "buffer"
    with path.open("w"):
        path.unlink()

        assert first(shared) == ""


def test_a_pipe_is_shared_unless_it_was_there_before(shared):
    reading, writing = os.pipe()
    try:
        assert first(shared) == "a pipe is open"
        assert first(Before()) == ""
    finally:
        os.close(reading)
        os.close(writing)


def test_a_datagram_socket_with_a_peer_is_shared(shared):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        assert first(shared) == ""
        client.connect(server.getsockname())

        assert first(shared) == f"a connection to 127.0.0.1:{server.getsockname()[1]} is open"


def test_a_pair_of_sockets_is_not(shared):
    near, far = socket.socketpair(type=socket.SOCK_DGRAM)
    with near, far:
        assert first(shared) == ""


def test_a_semaphore_is_shared(shared):
    lock = multiprocessing.get_context("fork").Lock()

    assert first(shared).startswith("memory is shared (/dev/shm/")
    del lock
    assert first(shared) == ""


def test_memory_that_is_mapped_for_others_is_shared_unless_it_is_ours(shared):
    with mmap.mmap(-1, 1 << 20):
        assert first(shared) == "memory is shared (/dev/zero (deleted))"
        assert first(shared, ignored_bytes=1 << 20) == ""


def test_a_handler_of_the_end_of_children_would_be_called(shared):
    before = signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        assert first(shared) == (
            "the end of a child process would be handled by code of the session's"
        )
    finally:
        signal.signal(signal.SIGCHLD, before)
