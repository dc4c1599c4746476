"""A gateway in front of another service: aiohttp on both sides."""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientResponseError, ClientSession, TCPConnector, web
from aiohttp.typedefs import Handler, Middleware


async def stock(request: web.Request) -> web.Response:
    return web.json_response({"article": request.match_info["article"], "left": 7})


async def sold_out(_request: web.Request) -> web.Response:
    raise web.HTTPGone(text="sold out")


def create_warehouse() -> web.Application:
    app = web.Application()
    app.router.add_get("/stock/{article}", stock)
    app.router.add_get("/sold-out", sold_out)
    return app


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


PORT = free_port()


@asynccontextmanager
async def serving(app: web.Application, port: int = PORT) -> AsyncIterator[str]:
    """Run the application while the block runs, and give its address."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# One session for each event loop, as a session must not be shared between loops.

sessions: dict[asyncio.AbstractEventLoop, ClientSession] = {}
weak_sessions: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession]
weak_sessions = weakref.WeakKeyDictionary()


def shared_session() -> ClientSession:
    loop = asyncio.get_running_loop()
    if loop not in sessions:
        sessions[loop] = ClientSession()
    return sessions[loop]


def weakly_shared_session() -> ClientSession:
    loop = asyncio.get_running_loop()
    session = weak_sessions.get(loop)
    if session is None:
        session = weak_sessions[loop] = ClientSession(connector=TCPConnector(force_close=True))
    return session


async def left(session: ClientSession, url: str, article: str) -> int:
    async with session.get(f"{url}/stock/{article}") as response:
        return int((await response.json())["left"])


class Warehouse:
    """The other service."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = ClientSession()
        self.errors: list[ClientResponseError] = []

    async def is_available(self, article: str) -> bool:
        try:
            async with self.session.get(f"{self.url}/{article}") as response:
                response.raise_for_status()
        except ClientResponseError as error:
            self.errors.append(error)
            return False
        return True

    async def close(self) -> None:
        await self.session.close()


warehouses: list[Warehouse] = []
recent_errors: list[ClientResponseError] = []


async def is_available(url: str, article: str) -> bool:
    """Ask the warehouse, and keep the error for the status page."""
    async with ClientSession() as session:
        try:
            async with session.get(f"{url}/{article}") as response:
                response.raise_for_status()
        except ClientResponseError as error:
            recent_errors.append(error)
            return False
        return True


async def is_available_quietly(url: str, article: str) -> bool:
    async with ClientSession() as session, session.get(f"{url}/{article}") as response:
        return response.status < 400


# Routes in a table of the module, which each new application fills once more.

routes = web.RouteTableDef()
tidy_routes = web.RouteTableDef()


def create_app() -> web.Application:
    app = web.Application()

    @routes.get("/health")
    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="fine")

    app.add_routes(routes[-1:])
    return app


@tidy_routes.get("/health")
async def health(_request: web.Request) -> web.Response:
    return web.Response(text="fine")


def create_tidy_app() -> web.Application:
    app = web.Application()
    app.add_routes(tidy_routes)
    return app


# Applications that are running, for the status page.

running: list[web.Application] = []
tidy_running: list[web.Application] = []


async def enrol(app: web.Application) -> None:
    running.append(app)


async def enrol_for_now(app: web.Application) -> AsyncIterator[None]:
    tidy_running.append(app)
    yield
    tidy_running.remove(app)


def create_enrolled_app() -> web.Application:
    app = create_warehouse()
    app.on_startup.append(enrol)
    return app


def create_tidily_enrolled_app() -> web.Application:
    app = create_warehouse()
    app.cleanup_ctx.append(enrol_for_now)
    return app


# Statistics in a middleware.

Statistics = dict[str, list[float]]
latencies: Statistics = {}


def timed(statistics: Statistics, limit: int | None = None) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            return await handler(request)
        finally:
            times = statistics.setdefault(request.path, [])
            times.append(loop.time() - started)
            if limit is not None:
                del times[:-limit]

    return middleware


recent_latencies: Statistics = {}


def create_timed_app() -> web.Application:
    app = web.Application(middlewares=[timed(latencies)])
    app.router.add_get("/stock/{article}", stock)
    return app


def create_tidily_timed_app() -> web.Application:
    app = web.Application(middlewares=[timed(recent_latencies, limit=10)])
    app.router.add_get("/stock/{article}", stock)
    return app
