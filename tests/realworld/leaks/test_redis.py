"""Visits that are remembered, and connections that are kept."""

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
def remembered_visits(port: int) -> visits.RememberedVisits:
    return visits.RememberedVisits(port)


@pytest.fixture(scope="module")
def counter(port: int) -> visits.Counter:
    return visits.Counter(port)


@pytest.fixture(scope="module")
def newsletter(port: int) -> visits.Newsletter:
    return visits.Newsletter(port)


def test_visit_is_remembered_for_good(remembered_visits: visits.RememberedVisits) -> None:
    token = remembered_visits.begin("ann")

    assert remembered_visits.find(token) == {"name": "ann", "basket": []}


def test_connection_is_never_released(counter: visits.Counter) -> None:
    assert counter.count() > 0


def test_reader_never_leaves(newsletter: visits.Newsletter) -> None:
    assert newsletter.join().subscribed


def test_client_of_each_call_is_kept(port: int) -> None:
    assert visits.visits_per_client(port) > 0
