"""Descriptors that are opened and not closed."""

from __future__ import annotations

import os

import pytest
from specimen_app import background, files


def test_file_is_kept_open_in_a_list() -> None:
    files.export(os.devnull).write("row")

    assert files.exports


def test_number_of_an_open_descriptor_is_lost() -> None:
    assert files.peek(os.devnull) == 0


def test_pipe_stays_open_when_its_text_cannot_be_encoded() -> None:
    with pytest.raises(UnicodeEncodeError):
        files.pipe_through("naïve")


def test_pair_of_sockets_is_kept_by_its_class() -> None:
    channel = files.Channel.open()
    channel.near.send(b"ping")

    assert channel.far.recv(4) == b"ping"


def test_event_loop_is_kept_and_never_closed() -> None:
    loop = background.open_loop()

    assert not loop.is_closed()
