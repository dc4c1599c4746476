"""Descriptors: files, pipes, sockets."""

from __future__ import annotations

import os
import socket
from typing import IO

exports: list[IO[str]] = []


class Channel:
    """A pair of connected sockets."""

    __slots__ = ("near", "far")
    opened: set[Channel] = set()

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()

    @classmethod
    def open(cls) -> Channel:
        channel = cls()
        cls.opened.add(channel)
        return channel

    def close(self) -> None:
        self.near.close()
        self.far.close()
        self.opened.discard(self)


def export(path: str) -> IO[str]:
    stream = open(path, "a", encoding="utf-8")  # noqa: SIM115 - the caller has to close it
    exports.append(stream)
    return stream


def peek(path: str) -> int:
    """Open a descriptor and forget its number."""
    return len(os.read(os.open(path, os.O_RDONLY), 16))


def peek_and_close(path: str) -> int:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return len(os.read(descriptor, 16))
    finally:
        os.close(descriptor)


def pipe_through(text: str) -> bytes:
    """Close both ends of the pipe unless the text cannot be encoded."""
    reader, writer = os.pipe()
    os.write(writer, text.encode("ascii"))
    os.close(writer)
    answer = os.read(reader, 1_024)
    os.close(reader)
    return answer


def pipe_through_safely(text: str) -> bytes:
    reader, writer = os.pipe()
    try:
        os.write(writer, text.encode("ascii"))
        return os.read(reader, 1_024)
    finally:
        os.close(writer)
        os.close(reader)
