"""Fixtures of every scope that give back, fill once, or keep to their test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


class Account:
    """Belongs to one test."""

    def __init__(self) -> None:
        self.balance = 0


OPEN: list[Account] = []


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    OPEN.append(account)
    yield account
    OPEN.remove(account)


@pytest.fixture(scope="session")
def countries() -> dict[int, Account]:
    return {}


@pytest.fixture(scope="module")
def rates() -> list[Account]:
    return [Account() for _ in range(100)]


@pytest.fixture
def rate(rates: list[Account]) -> Account:
    return rates[0]


@pytest.fixture(params=["disk", "memory"])
def storage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestState:
    """Its tests keep things on themselves, which pytest drops with each instance."""

    @pytest.fixture(autouse=True)
    def opened(self) -> None:
        self.accounts = [Account() for _ in range(10)]

    def test_accounts_are_kept_on_the_instance(self) -> None:
        self.last = self.accounts[-1]

        assert self.last.balance == 0


def test_account_is_closed_again(account: Account) -> None:
    assert account in OPEN


def test_session_wide_dict_is_filled_once(countries: dict[int, Account]) -> None:
    for number in range(200):
        countries.setdefault(number, Account())

    assert len(countries) == 200


def test_function_fixture_depends_on_a_wider_one(rate: Account) -> None:
    assert rate.balance == 0


def test_parametrised_fixture_keeps_nothing(storage: str) -> None:
    assert storage in {"disk", "memory"}


def test_fixture_is_asked_for_dynamically(request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue("rate").balance == 0


def test_finalizer_is_added_by_the_test(request: pytest.FixtureRequest) -> None:
    account = Account()
    OPEN.append(account)
    request.addfinalizer(OPEN.clear)

    assert account in OPEN


def test_marker_is_applied_at_run_time(request: pytest.FixtureRequest) -> None:
    request.applymarker(pytest.mark.filterwarnings("ignore:low"))

    assert request.node.name


def test_property_is_recorded(record_property: object) -> None:
    record_property("rows", 12)


def test_cache_of_a_fixture_is_bounded(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.rootpath.exists()
