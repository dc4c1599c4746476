"""Database connections to borrow, and other things that have to be handed back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


class Connection:
    """Stands for a connection to a server."""

    def execute(self, statement: str) -> str:
        if not statement:
            raise ValueError("empty statement")
        return statement.lower()


class Pool:
    """Lends idle connections, and opens another one when there is none."""

    def __init__(self) -> None:
        self._idle: list[Connection] = []
        self._in_use: set[Connection] = set()

    def acquire(self) -> Connection:
        connection = self._idle.pop() if self._idle else Connection()
        self._in_use.add(connection)
        return connection

    def release(self, connection: Connection) -> None:
        self._in_use.remove(connection)
        self._idle.append(connection)

    def execute(self, statement: str) -> str:
        """Release the connection unless the statement is refused."""
        connection = self.acquire()
        result = connection.execute(statement)
        self.release(connection)
        return result

    @contextmanager
    def lease(self) -> Iterator[Connection]:
        connection = self.acquire()
        try:
            yield connection
        finally:
            self.release(connection)


_MOST_SPARE = 50


class ElasticPool:
    """Opens two more spare connections on each use until there are fifty of them."""

    def __init__(self) -> None:
        self._spare: list[Connection] = []

    def execute(self, statement: str) -> str:
        for _ in range(min(2, _MOST_SPARE - len(self._spare))):
            self._spare.append(Connection())
        return self._spare[-1].execute(statement)


class Resource:
    """Something that a manager hands out."""

    def __init__(self, name: str) -> None:
        self.name = name


class ResourceManager:
    """Knows all that it handed out, in a slot."""

    __slots__ = ("_acquired",)

    def __init__(self) -> None:
        self._acquired: set[Resource] = set()

    def acquire(self, name: str) -> Resource:
        resource = Resource(name)
        self._acquired.add(resource)
        return resource

    def release(self, resource: Resource) -> None:
        self._acquired.remove(resource)

    def release_all(self) -> None:
        self._acquired.clear()


class Databases:
    """In-memory databases by tenant; the class itself remembers the open ones."""

    by_tenant: dict[str, sqlite3.Connection] = {}

    @classmethod
    def open(cls, tenant: str) -> sqlite3.Connection:
        cls.by_tenant[tenant] = sqlite3.connect(":memory:", check_same_thread=False)
        return cls.by_tenant[tenant]

    @classmethod
    def close(cls, tenant: str) -> None:
        cls.by_tenant.pop(tenant).close()


pool = Pool()
elastic_pool = ElasticPool()
manager = ResourceManager()
