"""A shop: Flask behind WSGI middleware, with its sessions on the server."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from flask import Flask, Response, after_this_request, request, request_finished, request_started
from werkzeug.serving import BaseWSGIServer, make_server

Application = Callable[..., Iterable[bytes]]


class RequestLog:
    """WSGI middleware for the page that shows what was asked for."""

    def __init__(self, wsgi_app: Application) -> None:
        self.wsgi_app = wsgi_app
        self.entries: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.entries.append(
            {
                "method": environ["REQUEST_METHOD"],
                "path": environ["PATH_INFO"],
                "agent": environ.get("HTTP_USER_AGENT", ""),
                "at": time.time(),
            }
        )
        return self.wsgi_app(environ, start_response)


class RecentRequests:
    """The same, for the last thousand requests."""

    def __init__(self, wsgi_app: Application, size: int = 1000) -> None:
        self.wsgi_app = wsgi_app
        self.entries: deque[tuple[str, str]] = deque(maxlen=size)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.entries.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        return self.wsgi_app(environ, start_response)


class Visitor:
    """What the shop knows about somebody who is logged in."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.basket: list[str] = []
        self.seen_at = time.monotonic()


class VisitorStore:
    """Visitors by the token in their cookie."""

    def __init__(self) -> None:
        self.by_token: dict[str, Visitor] = {}

    def log_in(self, name: str) -> str:
        token = uuid.uuid4().hex
        self.by_token[token] = Visitor(name)
        return token

    def find(self, token: str) -> Visitor | None:
        return self.by_token.get(token)

    def log_out(self, token: str) -> None:
        self.by_token.pop(token, None)


class ExpiringVisitorStore(VisitorStore):
    """Forgets visitors after a while, and the oldest ones when there are too many."""

    def __init__(self, ttl: float = 1800.0, max_visitors: int = 500) -> None:
        super().__init__()
        self.ttl = ttl
        self.max_visitors = max_visitors

    def log_in(self, name: str) -> str:
        self._sweep()
        while len(self.by_token) >= self.max_visitors:
            del self.by_token[next(iter(self.by_token))]
        return super().log_in(name)

    def _sweep(self) -> None:
        limit = time.monotonic() - self.ttl
        for token in [token for token, who in self.by_token.items() if who.seen_at < limit]:
            del self.by_token[token]


class Uploads:
    """Files that customers are sending, in chunks."""

    def __init__(self) -> None:
        self.in_progress: dict[str, IO[bytes]] = {}

    def begin(self, name: str) -> str:
        ticket = f"{name}-{uuid.uuid4().hex}"
        self.in_progress[ticket] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by finish()
        return ticket

    def add(self, ticket: str, chunk: bytes) -> None:
        if not chunk:
            raise ValueError(f"{ticket}: empty chunk")
        self.in_progress[ticket].write(chunk)

    def finish(self, ticket: str) -> int:
        with self.in_progress.pop(ticket) as file:
            return file.tell()


def create_shop(visitors: VisitorStore | None = None) -> Flask:
    """Return the application with its routes."""
    app = Flask(__name__)
    store = visitors or ExpiringVisitorStore()

    @app.get("/articles/<name>")
    def article(name: str) -> str:
        return f"<h1>{name}</h1>"

    @app.post("/login")
    def login() -> Response:
        response = Response("welcome")
        response.set_cookie("visitor", store.log_in(request.form["name"]))
        return response

    @app.get("/me")
    def me() -> tuple[str, int]:
        visitor = store.find(request.cookies.get("visitor", ""))
        return (visitor.name, 200) if visitor else ("who?", 401)

    return app


# The log of requests, in the middleware.
shop = create_shop()
request_log = RequestLog(shop.wsgi_app)
shop.wsgi_app = request_log  # type: ignore[method-assign]  # as Flask documents it
recent_shop = create_shop()
recent_shop.wsgi_app = RecentRequests(recent_shop.wsgi_app)  # type: ignore[method-assign]  # same

# Sessions.
visitors = VisitorStore()
members_shop = create_shop(visitors)
expiring_visitors = ExpiringVisitorStore(ttl=900.0, max_visitors=200)
expiring_shop = create_shop(expiring_visitors)

# Uploads.
uploads = Uploads()
careful_uploads = Uploads()


def create_checkout(*, once: bool) -> Flask:
    """Return an application that tells its customers what they have bought."""
    app = Flask(__name__)

    @app.post("/checkout")
    def checkout() -> str:
        articles = request.get_json()

        def add_receipt(response: Response) -> Response:
            response.headers["X-Receipt"] = f"{len(articles)} articles"
            return response

        if once:
            after_this_request(add_receipt)
        else:
            app.after_request_funcs.setdefault(None, []).append(add_receipt)
        return "thank you"

    @app.get("/terms")
    def terms() -> str:
        def greet() -> None:
            """Say hello to whoever comes next."""

        app.before_request_funcs.setdefault(None, []).append(greet)
        return "terms"

    return app


checkout = create_checkout(once=False)
careful_checkout = create_checkout(once=True)


def create_counted_shop() -> Flask:
    """Return a new shop that counts its requests by Flask's signal."""
    app = create_shop()
    app.config["REQUESTS"] = 0

    def count(sender: Flask, **_: object) -> None:
        if sender is app:
            app.config["REQUESTS"] += 1

    request_started.connect(count, weak=False)
    return app


@contextmanager
def counting_requests(app: Flask, *, of_this_app: bool = False) -> Iterator[list[int]]:
    """Note what the application answers while the block runs.

    Disconnecting a receiver from one sender leaves it among the signal's receivers.
    """
    statuses: list[int] = []

    def note(_sender: Flask, response: Response, **_: object) -> None:
        statuses.append(response.status_code)

    request_finished.connect(note, app, weak=False)
    try:
        yield statuses
    finally:
        if of_this_app:
            request_finished.disconnect(note, app)
        else:
            request_finished.disconnect(note)


def start_server(app: Flask) -> tuple[BaseWSGIServer, threading.Thread]:
    """Serve the application on a free port of this machine."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="shop-server", daemon=True)
    thread.start()
    return server, thread


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    """Serve the application while the block runs, and give its port."""
    server, thread = start_server(app)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
