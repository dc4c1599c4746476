"""Fixtures that leak while they set up, while they tear down, or by what they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


class Account:
    """Belongs to one test."""

    def __init__(self) -> None:
        self.balance = 0


class Ledger:
    """Belongs to the whole session."""

    def __init__(self) -> None:
        self.entries: list[Account] = []


OPENED: list[Account] = []
CLOSED: list[Account] = []
FINISHED: list[Account] = []
VISITS: list[Account] = []


@pytest.fixture
def opened_account() -> Account:
    account = Account()
    OPENED.append(account)
    return account


@pytest.fixture
def closed_account() -> Iterator[Account]:
    yield Account()
    CLOSED.append(Account())


@pytest.fixture
def finished_account(request: pytest.FixtureRequest) -> Account:
    account = Account()
    request.addfinalizer(lambda: FINISHED.append(account))
    return account


@pytest.fixture(scope="session")
def session_ledger() -> Ledger:
    return Ledger()


@pytest.fixture(scope="module")
def module_accounts() -> dict[int, Account]:
    return {}


class TestWithAutomaticFixture:
    """Its fixture runs for each of its tests without being asked for."""

    @pytest.fixture(autouse=True)
    def visit(self) -> None:
        VISITS.append(Account())

    def test_fixture_used_automatically_leaks(self) -> None:
        assert VISITS


def test_fixture_leaks_in_its_set_up(opened_account: Account) -> None:
    assert opened_account.balance == 0


def test_fixture_leaks_in_its_tear_down(closed_account: Account) -> None:
    assert closed_account.balance == 0


def test_fixture_leaks_in_a_finalizer(finished_account: Account) -> None:
    assert finished_account.balance == 0


def test_object_shared_by_the_session_accumulates(session_ledger: Ledger) -> None:
    session_ledger.entries.append(Account())

    assert session_ledger.entries


def test_dict_shared_by_the_module_accumulates(module_accounts: dict[int, Account]) -> None:
    module_accounts[1_000 + len(module_accounts)] = Account()

    assert module_accounts
