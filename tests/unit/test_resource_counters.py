"""Is exactly that counted which this process has made or mapped, and which is still there?"""

from __future__ import annotations

import asyncio
import gc
import mmap
import os
import re
import socket
import sqlite3
import tempfile
from pathlib import Path

import pytest

from pytest_leakguard.counters.children import Children, describe_children
from pytest_leakguard.counters.mapped import MappedBytes
from pytest_leakguard.counters.tasks import Tasks
from pytest_leakguard.counters.temp_files import TempFiles, describe_made, noting


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Stands for the system's directory for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _make_file(directory: Path) -> Path:
    path = directory / "plain.txt"
    path.write_text("made")
    return path


def _make_directory(directory: Path) -> Path:
    path = directory / "made"
    path.mkdir()
    return path


def _make_by_tempfile(directory: Path) -> Path:
    descriptor, path = tempfile.mkstemp(dir=directory)
    os.close(descriptor)
    return Path(path)


def _make_directory_by_tempfile(directory: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=directory))


def _make_database(directory: Path) -> Path:
    path = directory / "made.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE made (number)")
    connection.close()
    return path


def _make_socket(directory: Path) -> Path:
    path = directory / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return path


@pytest.mark.parametrize(
    "make",
    [
        _make_file,
        _make_directory,
        _make_by_tempfile,
        _make_directory_by_tempfile,
        _make_database,
        pytest.param(
            _make_socket,
            marks=pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no such sockets"),
        ),
    ],
)
def test_what_is_made_counts_until_it_is_removed(make, temporary):
    counter = TempFiles()
    with noting():
        path = make(temporary)
        assert counter.read() == 1
        assert describe_made() == {str(path): str(path)}

        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
        assert counter.read() == 0


def test_one_path_counts_once_however_often_it_is_written(temporary):
    with noting():
        for _ in range(3):
            _make_file(temporary)
        assert TempFiles().read() == 1


def test_files_elsewhere_only_read_or_kept_by_others_do_not_count(temporary, tmp_path_factory):
    path = _make_file(temporary)
    (temporary / "kept").mkdir()
    with noting(re.compile(re.escape(str(temporary / "kept")))):
        path.read_text()
        _make_file(tmp_path_factory.mktemp("elsewhere"))
        _make_by_tempfile(temporary / "kept")
        assert TempFiles().read() == 0


def test_what_was_made_before_does_not_count(temporary):
    _make_file(temporary)
    with noting():
        assert TempFiles().read() == 0


@pytest.mark.skipif(not Children.works(), reason="children are not counted here")
def test_a_child_counts_until_it_is_waited_for():
    counter = Children()
    before = counter.read()
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # ended, and still to be waited for

    assert counter.read() == before + 1
    assert describe_children()[child].endswith("(zombie)")
    os.waitpid(child, 0)
    assert counter.read() == before


@pytest.mark.skipif(not Tasks.works(), reason="tasks are not counted here")
def test_a_task_counts_until_it_is_done():
    async def main() -> list[int]:
        counter = Tasks()
        numbers = [counter.read()]
        task = asyncio.create_task(asyncio.sleep(60))
        numbers.append(counter.read())
        task.cancel()
        await asyncio.wait([task])
        del task
        await asyncio.sleep(0)
        gc.collect()  # a cancelled task lies in a cycle with its exception
        numbers.append(counter.read())
        return numbers

    before, meanwhile, after = asyncio.run(main())

    assert (meanwhile, after) == (before + 1, before)


@pytest.mark.skipif(not MappedBytes.works(), reason="mapped memory is not counted here")
def test_mapped_memory_is_counted_to_the_byte():
    counter = MappedBytes()
    size = 64 * 1024 * 1024  # more than any allocator has waiting
    before = counter.read()
    with mmap.mmap(-1, size):
        assert counter.read() - before == size
    assert counter.read() == before
