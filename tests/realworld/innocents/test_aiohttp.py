"""A gateway that closes what it opens."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("aiohttp")

from aiohttp import ClientSession, web
from realworld_app import gateway


def test_session_of_each_loop_is_closed() -> None:
    async def ask() -> int:
        async with gateway.serving(gateway.create_warehouse()) as url:
            try:
                return await gateway.left(gateway.shared_session(), url, "cup")
            finally:
                await gateway.sessions.pop(asyncio.get_running_loop()).close()

    assert asyncio.run(ask()) == 7


def test_session_is_a_context_manager() -> None:
    async def ask() -> int:
        app = gateway.create_warehouse()
        async with gateway.serving(app) as url, ClientSession() as session:
            return sum([await gateway.left(session, url, "tea") for _ in range(3)])

    assert asyncio.run(ask()) == 21


def test_port_is_another_one_each_time() -> None:
    async def ask() -> int:
        app = gateway.create_warehouse()
        async with gateway.serving(app, port=0) as url, ClientSession() as session:
            return await gateway.left(session, url, "tea")

    assert asyncio.run(ask()) == 7


def test_client_is_closed() -> None:
    async def ask() -> bool:
        async with gateway.serving(gateway.create_warehouse()) as url:
            warehouse = gateway.Warehouse(url)
            try:
                return await warehouse.is_available("sold-out")
            finally:
                await warehouse.close()

    assert not asyncio.run(ask())


def test_error_is_only_looked_at() -> None:
    async def ask() -> bool:
        async with gateway.serving(gateway.create_warehouse()) as url:
            return await gateway.is_available_quietly(url, "sold-out")

    assert not asyncio.run(ask())


def test_routes_of_the_module_are_filled_once() -> None:
    async def ask() -> int:
        app = gateway.create_tidy_app()
        async with gateway.serving(app) as url, ClientSession() as session:
            response = await session.get(f"{url}/health")
            return response.status

    assert asyncio.run(ask()) == 200


def test_application_is_struck_out_on_cleanup() -> None:
    async def ask() -> int:
        app = gateway.create_tidily_enrolled_app()
        async with gateway.serving(app) as url, ClientSession() as session:
            return await gateway.left(session, url, "tea")

    assert asyncio.run(ask()) == 7


def test_startup_and_cleanup_handlers_of_an_application() -> None:
    async def flush() -> None:
        await asyncio.Event().wait()

    flusher = web.AppKey("flusher", asyncio.Task[None])

    async def start(app: web.Application) -> None:
        app[flusher] = asyncio.create_task(flush())

    async def stop(app: web.Application) -> None:
        app[flusher].cancel()

    async def ask() -> int:
        app = gateway.create_warehouse()
        app.on_startup.append(start)
        app.on_cleanup.append(stop)
        async with gateway.serving(app) as url, ClientSession() as session:
            return await gateway.left(session, url, "tea")

    assert asyncio.run(ask()) == 7


def test_middleware_keeps_the_last_ten_response_times() -> None:
    async def ask() -> int:
        app = gateway.create_tidily_timed_app()
        async with gateway.serving(app) as url, ClientSession() as session:
            return await gateway.left(session, url, "tea")

    assert asyncio.run(ask()) == 7
