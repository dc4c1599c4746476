"""WSGI layers that look at each request on its way in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

StartResponse = Callable[..., object]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def hello(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello ", environ["PATH_INFO"].encode()]


class Request:
    """A request, with all that came with it."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ


class RequestLog:
    """Remembers every request there ever was."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.requests: list[Request] = []

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self.requests.append(Request(environ))
        return self.app(environ, start_response)


class RecentRequests:
    """Remembers method and path of the last thousand requests."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.recent: deque[tuple[str, str]] = deque(maxlen=1_000)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self.recent.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        return self.app(environ, start_response)


logged = RequestLog(hello)
recent = RecentRequests(hello)
