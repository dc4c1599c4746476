"""A chat: WebSockets, background work and a lifespan, on Starlette."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect


class Member:
    """Somebody in the chat."""

    def __init__(self, websocket: WebSocket) -> None:
        self.id = uuid.uuid4().hex
        self.websocket = websocket


class Lobby:
    """Who is here."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}

    def join(self, websocket: WebSocket) -> Member:
        member = Member(websocket)
        self.members[member.id] = member
        return member

    def leave(self, member: Member) -> None:
        self.members.pop(member.id, None)


lobby = Lobby()
strict_lobby = Lobby()
tidy_lobby = Lobby()
watchers: set[WebSocket] = set()
tidy_watchers: set[WebSocket] = set()


async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    lobby.join(websocket)
    try:
        while True:
            await websocket.send_text(f"you: {await websocket.receive_text()}")
    except WebSocketDisconnect:
        pass


async def strict_chat(websocket: WebSocket) -> None:
    await websocket.accept()
    member = strict_lobby.join(websocket)
    try:
        while True:
            message = await websocket.receive_json()
            await websocket.send_json({"you": message["text"]})
    except WebSocketDisconnect:
        strict_lobby.leave(member)


async def tidy_chat(websocket: WebSocket) -> None:
    await websocket.accept()
    member = tidy_lobby.join(websocket)
    try:
        while True:
            message = await websocket.receive_json()
            await websocket.send_json({"you": message["text"]})
    except WebSocketDisconnect:
        pass
    finally:
        tidy_lobby.leave(member)


async def watch(websocket: WebSocket) -> None:
    await websocket.accept()
    watchers.add(websocket)
    await websocket.send_json({"watching": True})
    await websocket.close()


async def tidy_watch(websocket: WebSocket) -> None:
    await websocket.accept()
    tidy_watchers.add(websocket)
    try:
        await websocket.send_json({"watching": True})
        await websocket.close()
    finally:
        tidy_watchers.discard(websocket)


# Background work.


async def send_receipt(app: Starlette, order: str) -> None:
    app.state.receipts.append({"order": order, "state": "sent"})


async def forget_receipt(order: str) -> None:
    await asyncio.sleep(0)


async def place_order(request: Request) -> Response:
    order = uuid.uuid4().hex
    return JSONResponse(
        {"order": order}, background=BackgroundTask(send_receipt, request.app, order)
    )


async def place_order_lightly(_request: Request) -> Response:
    order = uuid.uuid4().hex
    return JSONResponse({"order": order}, background=BackgroundTask(forget_receipt, order))


indexing: set[asyncio.Task[None]] = set()
tidy_indexing: set[asyncio.Task[None]] = set()


async def index(document: str) -> None:
    await asyncio.sleep(len(document) / 1e6)


async def publish(request: Request) -> Response:
    task = asyncio.create_task(index(request.path_params["document"]))
    indexing.add(task)  # the loop has only a weak reference
    return PlainTextResponse("published")


async def publish_tidily(request: Request) -> Response:
    task = asyncio.create_task(index(request.path_params["document"]))
    tidy_indexing.add(task)
    task.add_done_callback(tidy_indexing.discard)
    return PlainTextResponse("published")


# What lives from start-up to shutdown.


class Bus:
    """Brings messages to whoever subscribed."""

    def __init__(self) -> None:
        self.subscribers: dict[str, list[Callable[[str], None]]] = {}

    def subscribe(self, topic: str, subscriber: Callable[[str], None]) -> None:
        self.subscribers.setdefault(topic, []).append(subscriber)

    def unsubscribe(self, topic: str, subscriber: Callable[[str], None]) -> None:
        self.subscribers[topic].remove(subscriber)

    def publish(self, topic: str, text: str) -> None:
        for subscriber in self.subscribers.get(topic, ()):
            subscriber(text)


bus = Bus()
tidy_bus = Bus()


class Notifier:
    """Keeps the last messages for those who come late."""

    def __init__(self) -> None:
        self.recent: deque[str] = deque(maxlen=20)

    def show(self, text: str) -> None:
        self.recent.append(text)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.notifier = Notifier()
    bus.subscribe("news", app.state.notifier.show)
    yield


@asynccontextmanager
async def tidy_lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    notifier = Notifier()
    tidy_bus.subscribe("news", notifier.show)
    try:
        yield {"notifier": notifier}
    finally:
        tidy_bus.unsubscribe("news", notifier.show)


async def news(request: Request) -> Response:
    bus.publish("news", "hello")
    return JSONResponse(list(request.app.state.notifier.recent))


async def tidy_news(request: Request) -> Response:
    tidy_bus.publish("news", "hello")
    return JSONResponse(list(request.state.notifier.recent))


class AccessLog:
    """ASGI middleware that remembers what was asked for."""

    def __init__(self, app: ASGIApp, limit: int | None = None) -> None:
        self.app = app
        self.seen: deque[Scope] = deque(maxlen=limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.seen.append(scope)
        await self.app(scope, receive, send)


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


app = Starlette(
    routes=[
        WebSocketRoute("/chat", chat),
        WebSocketRoute("/strict", strict_chat),
        WebSocketRoute("/tidy", tidy_chat),
        WebSocketRoute("/watch", watch),
        WebSocketRoute("/tidy-watch", tidy_watch),
        Route("/orders", place_order, methods=["POST"]),
        Route("/light-orders", place_order_lightly, methods=["POST"]),
        Route("/publish/{document}", publish, methods=["PUT"]),
        Route("/publish-tidily/{document}", publish_tidily, methods=["PUT"]),
    ]
)
app.state.receipts = []

logged_app = Starlette(routes=[Route("/", hello)], middleware=[Middleware(AccessLog)])
recent_app = Starlette(routes=[Route("/", hello)], middleware=[Middleware(AccessLog, limit=1000)])


def create_newsroom() -> Starlette:
    return Starlette(routes=[Route("/news", news)], lifespan=lifespan)


def create_tidy_newsroom() -> Starlette:
    return Starlette(routes=[Route("/news", tidy_news)], lifespan=tidy_lifespan)
