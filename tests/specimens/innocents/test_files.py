"""Descriptors and temporary files that are closed and removed."""

from __future__ import annotations

import asyncio
import io
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest
from specimen_app import files


def test_file_is_closed_by_its_block(tmp_path: pathlib.Path) -> None:
    with (tmp_path / "rows.txt").open("w", encoding="utf-8") as stream:
        stream.write("row")

    assert stream.closed


def test_directory_gets_twenty_files(tmp_path: pathlib.Path) -> None:
    for number in range(20):
        (tmp_path / f"file-{number}.txt").write_text("row", encoding="utf-8")

    assert len(list(tmp_path.iterdir())) == 20


def test_descriptor_is_closed() -> None:
    assert files.peek_and_close(os.devnull) == 0


def test_pipe_is_closed_when_its_text_cannot_be_encoded() -> None:
    with pytest.raises(UnicodeEncodeError):
        files.pipe_through_safely("naïve")


def test_pair_of_sockets_is_closed() -> None:
    channel = files.Channel.open()
    channel.near.send(b"ping")
    try:
        assert channel.far.recv(4) == b"ping"
    finally:
        channel.close()


def test_event_loop_is_closed() -> None:
    loop = asyncio.new_event_loop()
    loop.close()

    assert loop.is_closed()


def test_temporary_file_is_removed() -> None:
    with tempfile.NamedTemporaryFile() as stream:
        stream.write(b"row")
        stream.flush()

        assert os.path.getsize(stream.name) == 3


def test_buffer_in_memory_is_dropped() -> None:
    stream = io.StringIO()
    stream.write("row" * 10_000)

    assert len(stream.getvalue()) == 30_000


def test_child_process_is_waited_for() -> None:
    command = [sys.executable, "-S", "-c", "print(3)"]

    assert subprocess.run(command, check=True, capture_output=True).stdout.strip() == b"3"
