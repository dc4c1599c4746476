"""A gateway that keeps sessions, errors, routes, applications and response times."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("aiohttp")

from aiohttp import ClientSession
from realworld_app import gateway


def test_session_of_each_loop_is_never_closed() -> None:
    async def ask() -> int:
        async with gateway.serving(gateway.create_warehouse()) as url:
            return await gateway.left(gateway.shared_session(), url, "tea")

    assert asyncio.run(ask()) == 7


def test_session_of_each_loop_is_kept_by_its_weak_key() -> None:
    async def ask() -> int:
        async with gateway.serving(gateway.create_warehouse()) as url:
            return await gateway.left(gateway.weakly_shared_session(), url, "tea")

    assert asyncio.run(ask()) == 7


def test_client_is_never_closed() -> None:
    async def ask() -> bool:
        async with gateway.serving(gateway.create_warehouse()) as url:
            warehouse = gateway.Warehouse(url)
            gateway.warehouses.append(warehouse)
            return await warehouse.is_available("stock/tea")

    assert asyncio.run(ask())


def test_error_is_kept_with_its_traceback() -> None:
    async def ask() -> bool:
        async with gateway.serving(gateway.create_warehouse()) as url:
            return await gateway.is_available(url, "sold-out")

    assert not asyncio.run(ask())


def test_each_application_adds_its_route_to_the_module() -> None:
    async def ask() -> int:
        async with gateway.serving(gateway.create_app()) as url, ClientSession() as session:
            response = await session.get(f"{url}/health")
            return response.status

    assert asyncio.run(ask()) == 200


def test_application_is_enrolled_on_startup() -> None:
    async def ask() -> int:
        app = gateway.create_enrolled_app()
        async with gateway.serving(app) as url, ClientSession() as session:
            return await gateway.left(session, url, "tea")

    assert asyncio.run(ask()) == 7


def test_middleware_keeps_every_response_time() -> None:
    async def ask() -> int:
        app = gateway.create_timed_app()
        async with gateway.serving(app) as url, ClientSession() as session:
            return await gateway.left(session, url, "tea")

    assert asyncio.run(ask()) == 7
