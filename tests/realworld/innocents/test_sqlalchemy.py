"""Accounts whose connections, listeners, objects and sessions are let go of."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from realworld_app import ledger
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session


def test_connection_is_given_back() -> None:
    report = ledger.tidy_reports.start()
    try:
        cents = ledger.tidy_reports.page(report)
    finally:
        ledger.tidy_reports.end(report)

    assert cents == [700]


def test_connection_is_given_back_after_an_error() -> None:
    def read() -> None:
        report = ledger.tidy_reports.start()
        try:
            ledger.tidy_reports.page(report, column="dollars")
        finally:
            ledger.tidy_reports.end(report)

    with pytest.raises(OperationalError, match="dollars"):
        read()


def test_connection_that_is_dropped_goes_back_by_itself() -> None:
    connection = ledger.tidy_engine.connect()

    assert connection.execute(text("select 1")).scalar() == 1


def test_listener_of_the_engine_is_removed() -> None:
    with ledger.counting_statements(ledger.tidy_engine) as statements:
        ledger.balance(ledger.tidy_engine)

    assert any("SELECT" in statement for statement in statements)


def test_object_goes_with_its_session() -> None:
    assert ledger.open_account(ledger.open_engine).cents == 0


def test_session_is_rolled_back() -> None:
    with Session(ledger.tidy_engine) as session:
        account = ledger.read_csv_line("bob,250", session)
        session.flush()
        session.rollback()

    assert account.cents == 250


def test_session_of_each_request_is_removed() -> None:
    assert ledger.handle_request_tidily(ledger.TidyRequestSession) == ["ann"]


def test_session_of_a_thread_goes_with_the_thread() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(ledger.owners(ledger.ThreadSession)))
    thread.start()
    thread.join()

    assert found == ["ann"]


def test_statement_is_a_new_one_each_time() -> None:
    assert ledger.read_number(ledger.tidy_engine)


def test_engine_is_disposed_of(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(ledger.Account(owner="ann", cents=1))
        session.commit()

    assert ledger.balance(engine) == 1
    engine.dispose()


def test_engine_in_memory_is_dropped() -> None:
    engine = create_engine("sqlite://")
    ledger.Base.metadata.create_all(engine)
    ledger.open_account(engine)

    assert ledger.balance(engine) == 0
