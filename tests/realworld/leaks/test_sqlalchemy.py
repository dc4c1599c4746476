"""Accounts whose connections, listeners, objects and sessions are kept."""

from __future__ import annotations

import pytest

pytest.importorskip("sqlalchemy")

from realworld_app import ledger
from sqlalchemy.exc import OperationalError


def test_connection_is_never_given_back() -> None:
    report = ledger.reports.start()

    assert ledger.reports.page(report) == [700]


def test_connection_is_not_given_back_after_an_error() -> None:
    def read() -> None:
        report = ledger.failing_reports.start()
        ledger.failing_reports.page(report, column="dollars")
        ledger.failing_reports.end(report)

    with pytest.raises(OperationalError, match="dollars"):
        read()


def test_connection_is_never_given_back_to_a_pool_of_fifteen() -> None:
    report = ledger.crowded_reports.start()

    assert ledger.crowded_reports.page(report) == [700]


def test_raw_connection_is_never_given_back() -> None:
    assert ledger.page_size() >= 512


def test_listener_of_the_engine_is_added_for_each_query() -> None:
    statements = ledger.statements_of(ledger.audited_engine, ledger.balance)

    assert any("SELECT" in statement for statement in statements)


def test_listener_of_the_sessions_is_added_for_each_deposit() -> None:
    assert ledger.deposit(5) == [5]


def test_object_is_kept_beside_its_session() -> None:
    account = ledger.open_account_and_cache(ledger.cached_engine)

    assert account.cents == 0


def test_object_is_added_to_a_session_that_never_commits() -> None:
    account = ledger.read_csv_line("bob,250", ledger.import_session)

    assert account.cents == 250


def test_name_of_a_column_is_a_new_one_each_time() -> None:
    assert ledger.read_named_column(ledger.report_engine) == "x"


def test_session_of_each_request_is_never_removed() -> None:
    assert ledger.handle_request(ledger.RequestSession) == ["ann"]
