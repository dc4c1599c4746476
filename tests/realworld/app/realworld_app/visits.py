"""Visits of a shop in Redis, with the server run by the tests."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import redis


@contextmanager
def redis_server() -> Iterator[int]:
    """Run a server that stores nothing on disk while the block runs, and give its port."""
    program = shutil.which("redis-server")
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        process = subprocess.Popen(
            [*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
        )
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait_for(port: int) -> None:
    with redis.Redis(port=port) as client:
        for _ in range(100):
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.05)
            else:
                return
    raise TimeoutError(f"no Redis at port {port}")


class Visits:
    """Sessions in Redis, where they expire."""

    def __init__(self, port: int) -> None:
        self.pool = redis.ConnectionPool(host="127.0.0.1", port=port)
        self.client = redis.Redis(connection_pool=self.pool)

    def begin(self, name: str) -> str:
        token = uuid.uuid4().hex
        self.client.set(f"visit:{token}", json.dumps({"name": name, "basket": []}), ex=60)
        return token

    def find(self, token: str) -> dict[str, object] | None:
        found = self.client.get(f"visit:{token}")
        return None if found is None else json.loads(found)

    def end(self, token: str) -> None:
        self.client.delete(f"visit:{token}")


class RememberedVisits(Visits):
    """Asks Redis once for each session."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.remembered: dict[str, dict[str, object] | None] = {}

    def find(self, token: str) -> dict[str, object] | None:
        if token not in self.remembered:
            self.remembered[token] = super().find(token)
        return self.remembered[token]


class RecentVisits(Visits):
    """Remembers the last few sessions."""

    def __init__(self, port: int, size: int = 1000) -> None:
        super().__init__(port)
        self.size = size
        self.remembered: OrderedDict[str, dict[str, object] | None] = OrderedDict()

    def find(self, token: str) -> dict[str, object] | None:
        if token not in self.remembered:
            self.remembered[token] = super().find(token)
        self.remembered.move_to_end(token)
        while len(self.remembered) > self.size:
            self.remembered.popitem(last=False)
        return self.remembered[token]


class Counter:
    """Counts visits on a connection that it takes from the pool by hand."""

    def __init__(self, port: int) -> None:
        self.pool = redis.ConnectionPool(host="127.0.0.1", port=port)

    def count(self) -> int:
        connection = self.pool.get_connection()
        connection.send_command("INCR", "visits")  # type: ignore[no-untyped-call]  # redis's
        return int(connection.read_response())

    def count_tidily(self) -> int:
        connection = self.pool.get_connection()
        try:
            connection.send_command("INCR", "visits")  # type: ignore[no-untyped-call]  # redis's
            return int(connection.read_response())
        finally:
            self.pool.release(connection)


class Newsletter:
    """Listens to a channel for each reader."""

    def __init__(self, port: int) -> None:
        self.client = redis.Redis(host="127.0.0.1", port=port)
        self.readers: list[redis.client.PubSub] = []

    def join(self) -> redis.client.PubSub:
        reader: redis.client.PubSub = self.client.pubsub()  # type: ignore[no-untyped-call]  # redis's
        reader.subscribe("news")
        assert reader.get_message(timeout=5) is not None
        self.readers.append(reader)
        return reader

    def leave(self, reader: redis.client.PubSub) -> None:
        self.readers.remove(reader)
        reader.close()


clients: list[redis.Redis] = []


def visits_per_client(port: int) -> int:
    """Ask by a client of this call's own."""
    client = redis.Redis(host="127.0.0.1", port=port)
    clients.append(client)
    return int(client.incr("visits"))


def visits_per_client_tidily(port: int) -> int:
    with redis.Redis(host="127.0.0.1", port=port) as client:
        return int(client.incr("visits"))
