"""Sessions, requests and connections of which there is a limited number."""

from __future__ import annotations

import pytest
from specimen_app import hub, middleware, sessions


def request(path: str) -> dict[str, str]:
    return {"REQUEST_METHOD": "GET", "PATH_INFO": path}


def ignore(*args: object) -> None:
    """Take a status and headers, and do nothing."""


def test_session_is_logged_out() -> None:
    session = sessions.store.log_in("ann")
    sessions.store.log_out(session)

    assert session.user == "ann"


def test_store_keeps_twenty_five_sessions_at_most() -> None:
    assert sessions.expiring_store.log_in("ann").user == "ann"


def test_middleware_keeps_the_last_thousand_requests() -> None:
    body = b"".join(middleware.recent(request("/orders"), ignore))

    assert body == b"hello /orders"


def test_connection_is_taken_out_of_its_room() -> None:
    connection = hub.hub.connect("lobby", "ann")
    hub.hub.disconnect("lobby", connection)

    assert not connection.is_open


def test_connection_is_taken_out_after_a_bad_frame() -> None:
    with pytest.raises(UnicodeDecodeError):
        hub.hub.serve_safely("support", "ann", b"\xff")


def test_closed_connections_are_swept_out() -> None:
    hub.hub.connect("lobby", "ann").close()
    hub.hub.sweep("lobby")

    assert not hub.hub.rooms["lobby"]
