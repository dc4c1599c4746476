"""A chat that keeps its members, tasks, subscribers and requests."""

from __future__ import annotations

import pytest

pytest.importorskip("httpx")
pytest.importorskip("starlette")

from realworld_app import chatroom
from starlette.testclient import TestClient


def test_member_stays_after_closing() -> None:
    with TestClient(chatroom.app).websocket_connect("/chat") as websocket:
        websocket.send_text("hello")
        answer = websocket.receive_text()

    assert answer == "you: hello"


def test_member_stays_after_a_bad_message() -> None:
    def talk() -> None:
        with TestClient(chatroom.app).websocket_connect("/strict") as websocket:
            websocket.send_json({"txet": "hello"})
            websocket.receive_json()

    with pytest.raises(KeyError):
        talk()


def test_websocket_itself_stays_in_a_set() -> None:
    with TestClient(chatroom.app).websocket_connect("/watch") as websocket:
        answer = websocket.receive_json()

    assert answer == {"watching": True}


def test_background_task_notes_its_work_in_the_state() -> None:
    assert TestClient(chatroom.app).post("/orders").status_code == 200


def test_task_of_a_view_is_kept() -> None:
    assert TestClient(chatroom.app).put("/publish/minutes").text == "published"


def test_lifespan_does_not_unsubscribe() -> None:
    with TestClient(chatroom.create_newsroom()) as client:
        assert client.get("/news").json() == ["hello"]


def test_asgi_middleware_logs_every_request() -> None:
    assert TestClient(chatroom.logged_app).get("/").text == "hello"
