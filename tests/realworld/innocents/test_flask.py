"""A Flask shop that lets go of what it was given."""

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


def test_middleware_logs_the_last_thousand_requests() -> None:
    reply = storefront.recent_shop.test_client().get("/articles/tea")

    assert reply.text == "<h1>tea</h1>"


def test_server_runs_while_it_is_needed() -> None:
    with storefront.serving(storefront.create_shop()) as port:
        bodies = [get(port, f"/articles/{name}") for name in ("tea", "cup")]

    assert bodies == [b"<h1>tea</h1>", b"<h1>cup</h1>"]


def test_visitors_expire_and_have_a_maximum() -> None:
    client = storefront.expiring_shop.test_client()
    client.post("/login", data={"name": "ann"})

    assert client.get("/me").text == "ann"


def test_visitor_logs_out() -> None:
    store = storefront.VisitorStore()
    app = storefront.create_shop(store)
    client = app.test_client()
    client.post("/login", data={"name": "ann"})
    store.log_out(next(iter(store.by_token)))

    assert client.get("/me").status_code == 401


def test_hook_is_for_this_reply_only() -> None:
    reply = storefront.careful_checkout.test_client().post("/checkout", json=["tea", "cup"])

    assert reply.headers["X-Receipt"] == "2 articles"


def test_application_of_its_own_is_dropped() -> None:
    app = storefront.create_shop()

    @app.before_request
    def nothing_to_do() -> None: ...

    assert app.test_client().get("/articles/tea").text == "<h1>tea</h1>"


def test_signal_is_disconnected() -> None:
    app = storefront.create_shop()
    with storefront.counting_requests(app) as statuses:
        app.test_client().get("/articles/tea")

    assert statuses == [200]


def test_unhandled_error_in_a_view() -> None:
    app = storefront.create_shop()

    @app.get("/broken")
    def broken() -> str:
        raise LookupError("no such article")

    assert app.test_client().get("/broken").status_code == 500


def test_upload_is_finished() -> None:
    uploads = storefront.careful_uploads
    ticket = uploads.begin("photo.jpg")
    uploads.add(ticket, b"abc")

    assert uploads.finish(ticket) == 3
