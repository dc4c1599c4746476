"""Components that come and go, and a socket that listens once."""

from __future__ import annotations

from specimen_app import components


def test_price_tag_is_unmounted() -> None:
    tag = components.PriceTag(components.prices)
    tag.mount()
    components.prices.change(3)
    tag.unmount()

    assert tag.shown == 3


def test_socket_listens_no_more_often_after_a_reconnect() -> None:
    components.socket.reconnect_once()

    assert len(components.socket.on_message) >= 1


def test_socket_listens_anew_after_each_disconnect() -> None:
    components.socket.disconnect()
    components.socket.reconnect()

    assert len(components.socket.on_message) == 1
