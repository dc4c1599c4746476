"""Things that are borrowed and not given back."""

from __future__ import annotations

import itertools

import pytest
from specimen_app import pool

_numbers = itertools.count()


def test_connection_is_checked_out_and_not_released() -> None:
    connection = pool.pool.acquire()

    assert connection.execute("SELECT") == "select"


def test_connection_is_not_released_after_a_refused_statement() -> None:
    with pytest.raises(ValueError, match="empty"):
        pool.pool.execute("")


def test_resource_is_acquired_and_not_released() -> None:
    assert pool.manager.acquire("printer").name == "printer"


def test_database_of_a_tenant_stays_open() -> None:
    database = pool.Databases.open(f"tenant {next(_numbers)}")

    assert database.execute("select 1").fetchone() == (1,)
