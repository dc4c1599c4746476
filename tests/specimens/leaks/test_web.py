"""Sessions, requests and connections of a web server."""

from __future__ import annotations

import pytest
from specimen_app import hub, middleware, sessions


def request(path: str) -> dict[str, str]:
    return {"REQUEST_METHOD": "GET", "PATH_INFO": path}


def ignore(*args: object) -> None:
    """Take a status and headers, and do nothing."""


def test_session_is_never_logged_out() -> None:
    session = sessions.store.log_in("ann")

    assert session.user == "ann"


def test_middleware_keeps_every_request() -> None:
    body = b"".join(middleware.logged(request("/orders"), ignore))

    assert body == b"hello /orders"


def test_connection_is_never_taken_out_of_its_room() -> None:
    connection = hub.hub.connect("lobby", "ann")
    connection.close()

    assert not connection.is_open


def test_connection_stays_in_its_room_after_a_bad_frame() -> None:
    with pytest.raises(UnicodeDecodeError):
        hub.hub.serve("support", "ann", b"\xff")
