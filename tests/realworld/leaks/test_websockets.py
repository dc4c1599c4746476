"""Clients that add listeners whenever they connect again, and registries of connections."""

from __future__ import annotations

import asyncio
import json

import pytest

pytest.importorskip("websockets")

from realworld_app import ticker


def test_listener_is_added_on_each_reconnect() -> None:
    async def session() -> int:
        async with ticker.serving(ticker.quote) as url:
            client = ticker.Ticker(url, ticker.network)
            await client.follow(drops=2)
            return client.price

    assert asyncio.run(session()) == 3


def test_listener_is_added_for_each_connection_of_the_iterator() -> None:
    async def session() -> float:
        async with ticker.serving(ticker.quote) as url:
            return await ticker.average(url, ticker.network, samples=2)

    assert asyncio.run(session()) == 3


def test_server_remembers_each_connection() -> None:
    async def session() -> int:
        async with ticker.serving(ticker.quote_and_remember) as url:
            client = ticker.TidyTicker(url, ticker.tidy_network)
            await client.follow(drops=1)
            return client.price

    assert asyncio.run(session()) == 3


def test_heartbeat_of_each_connection_is_kept() -> None:
    async def session() -> str:
        async with ticker.serving(ticker.echo) as url:
            return await ticker.say(url, "hello")

    assert asyncio.run(session()) == "hello"


def test_client_stays_registered_after_an_answer_that_is_no_json() -> None:
    async def session() -> None:
        async with ticker.serving(ticker.echo) as url:
            await ticker.ask(url, "what time is it?")

    with pytest.raises(json.JSONDecodeError):
        asyncio.run(session())
