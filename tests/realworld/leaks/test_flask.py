"""A Flask shop that keeps requests, visitors, hooks, applications, files and servers."""

from __future__ import annotations

import http.client

import pytest

pytest.importorskip("flask")

from realworld_app import storefront


def get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def test_middleware_logs_every_request() -> None:
    reply = storefront.shop.test_client().get("/articles/tea")

    assert reply.text == "<h1>tea</h1>"


def test_middleware_logs_every_request_of_a_real_server() -> None:
    with storefront.serving(storefront.shop) as port:
        body = get(port, "/articles/tea")

    assert body == b"<h1>tea</h1>"


def test_visitor_who_logged_in_is_never_forgotten() -> None:
    client = storefront.members_shop.test_client()
    client.post("/login", data={"name": "ann"})

    assert client.get("/me").text == "ann"


def test_hook_is_added_to_the_application_for_one_reply() -> None:
    reply = storefront.checkout.test_client().post("/checkout", json=["tea", "cup"])

    assert reply.headers["X-Receipt"] == "2 articles"


def test_before_request_hook_is_added_by_a_view() -> None:
    assert storefront.checkout.test_client().get("/terms").text == "terms"


def test_each_application_stays_connected_to_a_signal() -> None:
    app = storefront.create_counted_shop()
    app.test_client().get("/articles/tea")

    assert app.config["REQUESTS"] == 1


def test_signal_is_disconnected_for_its_sender_only() -> None:
    app = storefront.create_shop()
    with storefront.counting_requests(app, of_this_app=True) as statuses:
        app.test_client().get("/articles/tea")

    assert statuses == [200]


def test_upload_that_fails_stays_open() -> None:
    uploads = storefront.uploads
    ticket = uploads.begin("photo.jpg")
    with pytest.raises(ValueError, match="empty chunk"):
        uploads.add(ticket, b"")


def test_server_is_never_shut_down() -> None:
    server, _ = storefront.start_server(storefront.recent_shop)

    assert get(server.server_port, "/articles/tea") == b"<h1>tea</h1>"
