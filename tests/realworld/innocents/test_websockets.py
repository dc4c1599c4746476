"""Clients that connect again and leave nothing behind."""

from __future__ import annotations

import asyncio
import json

import pytest

pytest.importorskip("websockets")

from realworld_app import ticker


def test_listener_is_added_once_for_all_connections() -> None:
    async def session() -> int:
        async with ticker.serving(ticker.quote) as url:
            client = ticker.TidyTicker(url, ticker.tidy_network)
            await client.follow(drops=2)
            return client.price

    assert asyncio.run(session()) == 3


def test_listener_is_added_once_for_all_connections_of_the_iterator() -> None:
    async def session() -> float:
        async with ticker.serving(ticker.quote) as url:
            return await ticker.tidy_average(url, ticker.tidy_network, samples=2)

    assert asyncio.run(session()) == 3


def test_server_forgets_each_connection() -> None:
    async def session() -> int:
        async with ticker.serving(ticker.quote_and_forget) as url:
            client = ticker.TidyTicker(url, ticker.tidy_network)
            await client.follow(drops=1)
            return client.price

    assert asyncio.run(session()) == 3


def test_heartbeat_ends_with_its_connection() -> None:
    async def session() -> str:
        async with ticker.serving(ticker.echo) as url:
            return await ticker.say_tidily(url, "hello")

    assert asyncio.run(session()) == "hello"


def test_client_is_taken_out_after_an_answer_that_is_no_json() -> None:
    async def session() -> None:
        async with ticker.serving(ticker.echo) as url:
            await ticker.ask_tidily(url, "what time is it?")

    with pytest.raises(json.JSONDecodeError):
        asyncio.run(session())
