"""Visits and connections that are let go of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

pytest.importorskip("redis")
if shutil.which("redis-server") is None:
    pytest.skip("there is no redis-server", allow_module_level=True)

from realworld_app import visits


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with visits.redis_server() as port:
        yield port


@pytest.fixture(scope="module")
def store(port: int) -> visits.Visits:
    return visits.Visits(port)


@pytest.fixture(scope="module")
def recent_visits(port: int) -> visits.RecentVisits:
    return visits.RecentVisits(port)


@pytest.fixture(scope="module")
def counter(port: int) -> visits.Counter:
    return visits.Counter(port)


@pytest.fixture(scope="module")
def newsletter(port: int) -> visits.Newsletter:
    return visits.Newsletter(port)


def test_visit_is_only_in_the_server(store: visits.Visits) -> None:
    token = store.begin("ann")

    assert store.find(token) == {"name": "ann", "basket": []}


def test_visit_ends(store: visits.Visits) -> None:
    token = store.begin("ann")
    store.end(token)

    assert store.find(token) is None


def test_last_thousand_visits_are_remembered(recent_visits: visits.RecentVisits) -> None:
    token = recent_visits.begin("ann")

    assert recent_visits.find(token) == {"name": "ann", "basket": []}


def test_connection_is_released(counter: visits.Counter) -> None:
    assert counter.count_tidily() > 0


def test_reader_leaves(newsletter: visits.Newsletter) -> None:
    reader = newsletter.join()
    newsletter.leave(reader)

    assert newsletter.readers == []


def test_client_of_each_call_is_closed(port: int) -> None:
    assert visits.visits_per_client_tidily(port) > 0


def test_server_of_its_own() -> None:
    with visits.redis_server() as port:
        assert visits.visits_per_client_tidily(port) == 1
