"""Things that are borrowed and given back, and a pool that fills slowly."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3

import pytest
from specimen_app import pool

_numbers = itertools.count()


def test_connection_is_leased() -> None:
    with pool.pool.lease() as connection:
        assert connection.execute("SELECT") == "select"


def test_connection_is_released_after_a_refused_statement() -> None:
    with pytest.raises(ValueError, match="empty"), pool.pool.lease() as connection:
        connection.execute("")


def test_pool_opens_two_connections_per_run_up_to_fifty() -> None:
    assert pool.elastic_pool.execute("SELECT") == "select"


def test_resource_is_released() -> None:
    printer = pool.manager.acquire("printer")
    pool.manager.release(printer)

    assert printer.name == "printer"


def test_all_resources_are_released_at_once() -> None:
    for number in range(10):
        pool.manager.acquire(f"printer {number}")
    pool.manager.release_all()


def test_database_of_a_tenant_is_closed() -> None:
    tenant = f"tenant {next(_numbers)}"
    database = pool.Databases.open(tenant)
    try:
        assert database.execute("select 1").fetchone() == (1,)
    finally:
        pool.Databases.close(tenant)


def test_database_in_memory_gets_a_thousand_rows() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table numbers (number integer)")
        database.executemany("insert into numbers values (?)", ((n,) for n in range(1_000)))

        assert database.execute("select count(*) from numbers").fetchone() == (1_000,)


SHARED = sqlite3.connect(":memory:")


def test_cursors_on_a_shared_connection() -> None:
    assert [SHARED.execute("select 1").fetchone() for _ in range(3)] == [(1,)] * 3
