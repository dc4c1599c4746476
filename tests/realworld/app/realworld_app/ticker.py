"""Prices over WebSockets: a server that drops its clients, and clients that come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

connected: set[ServerConnection] = set()
tidy_connected: set[ServerConnection] = set()


async def quote(connection: ServerConnection) -> None:
    """Send one price and hang up, as a server does that is being restarted."""
    await connection.send(json.dumps({"tea": 3}))


async def quote_and_remember(connection: ServerConnection) -> None:
    connected.add(connection)
    await quote(connection)


async def quote_and_forget(connection: ServerConnection) -> None:
    tidy_connected.add(connection)
    try:
        await quote(connection)
    finally:
        tidy_connected.remove(connection)


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def serving(handler: Callable[[ServerConnection], object]) -> AsyncIterator[str]:
    """Run the server while the block runs, and give its address."""
    server: Server
    async with serve(handler, "127.0.0.1", 0) as server:  # type: ignore[arg-type]  # a coroutine
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Network:
    """Tells its listeners when the machine goes off line."""

    def __init__(self) -> None:
        self.listeners: dict[str, list[Callable[[], None]]] = {}

    def on(self, event: str, listener: Callable[[], None]) -> None:
        self.listeners.setdefault(event, []).append(listener)

    def off(self, event: str, listener: Callable[[], None]) -> None:
        self.listeners[event].remove(listener)


network = Network()
tidy_network = Network()


class Ticker:
    """Shows the last price, and connects again whenever it is dropped."""

    def __init__(self, url: str, network: Network) -> None:
        self.url = url
        self.network = network
        self.connection: ClientConnection | None = None
        self.price = 0

    def pause(self) -> None:
        """Show no price while there is no network."""
        self.price = 0

    async def reconnect(self) -> None:
        self.connection = await connect(self.url)
        self.network.on("offline", self.pause)

    async def follow(self, drops: int) -> None:
        for _ in range(drops):
            await self.reconnect()
            assert self.connection is not None
            with contextlib.suppress(ConnectionClosed):
                while True:
                    self.price = json.loads(await self.connection.recv())["tea"]


class TidyTicker(Ticker):
    """Listens to the network once, for as long as it follows the price."""

    async def reconnect(self) -> None:
        self.connection = await connect(self.url)

    async def follow(self, drops: int) -> None:
        pause = self.pause
        self.network.on("offline", pause)
        try:
            await super().follow(drops)
        finally:
            self.network.off("offline", pause)


async def average(url: str, network: Network, samples: int) -> float:
    """Sample a price, once per connection; the library's iterator connects again."""
    prices: list[float] = []
    async for connection in connect(url):

        def forget() -> None:
            prices.clear()

        network.on("offline", forget)
        with contextlib.suppress(ConnectionClosed):
            prices.append(json.loads(await connection.recv())["tea"])
            await connection.close()
        if len(prices) == samples:
            break
    return sum(prices) / len(prices)


async def tidy_average(url: str, network: Network, samples: int) -> float:
    """Do the same with one listener."""
    prices: list[float] = []
    network.on("offline", prices.clear)
    try:
        async for connection in connect(url):
            with contextlib.suppress(ConnectionClosed):
                prices.append(json.loads(await connection.recv())["tea"])
            if len(prices) == samples:
                break
    finally:
        network.off("offline", prices.clear)
    return sum(prices) / len(prices)


# Keepalive: a heartbeat for each connection.

heartbeats: list[asyncio.Task[None]] = []


async def beat(connection: ClientConnection, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        await connection.ping()


async def say(url: str, text: str) -> str:
    async with connect(url) as connection:
        heartbeats.append(asyncio.create_task(beat(connection, 20)))
        await connection.send(text)
        return str(await connection.recv())


async def say_tidily(url: str, text: str) -> str:
    async with connect(url) as connection:
        heartbeat = asyncio.create_task(beat(connection, 20))
        try:
            await connection.send(text)
            return str(await connection.recv())
        finally:
            heartbeat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heartbeat


# Clients by the name of their exchange.

clients: dict[str, ClientConnection] = {}
tidy_clients: dict[str, ClientConnection] = {}


async def ask(url: str, question: str) -> object:
    name = f"{url}/{question}"
    clients[name] = await connect(url)
    await clients[name].send(question)
    answer: object = json.loads(await clients[name].recv())
    await clients.pop(name).close()
    return answer


async def ask_tidily(url: str, question: str) -> object:
    name = f"{url}/{question}"
    tidy_clients[name] = await connect(url)
    try:
        await tidy_clients[name].send(question)
        return json.loads(await tidy_clients[name].recv())
    finally:
        await tidy_clients.pop(name).close()
