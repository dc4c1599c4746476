"""A chat that knows when somebody has left."""

from __future__ import annotations

import pytest

pytest.importorskip("httpx")
pytest.importorskip("starlette")

from realworld_app import chatroom
from starlette.testclient import TestClient


def test_member_leaves_on_closing() -> None:
    with TestClient(chatroom.app).websocket_connect("/tidy") as websocket:
        websocket.send_json({"text": "hello"})
        answer = websocket.receive_json()

    assert answer == {"you": "hello"}


def test_member_leaves_after_a_bad_message() -> None:
    def talk() -> None:
        with TestClient(chatroom.app).websocket_connect("/tidy") as websocket:
            websocket.send_json({"txet": "hello"})
            websocket.receive_json()

    with pytest.raises(KeyError):
        talk()


def test_websocket_is_discarded() -> None:
    with TestClient(chatroom.app).websocket_connect("/tidy-watch") as websocket:
        answer = websocket.receive_json()

    assert answer == {"watching": True}


def test_background_task_only_works() -> None:
    assert TestClient(chatroom.app).post("/light-orders").status_code == 200


def test_task_of_a_view_is_discarded_when_done() -> None:
    assert TestClient(chatroom.app).put("/publish-tidily/minutes").text == "published"


def test_lifespan_unsubscribes() -> None:
    with TestClient(chatroom.create_tidy_newsroom()) as client:
        assert client.get("/news").json() == ["hello"]


def test_asgi_middleware_logs_the_last_thousand_requests() -> None:
    assert TestClient(chatroom.recent_app).get("/").text == "hello"
