"""Components that subscribe when they appear, and a socket that reconnects."""

from __future__ import annotations

from specimen_app import components


def test_price_tag_is_mounted_and_never_unmounted() -> None:
    tag = components.PriceTag(components.prices)
    tag.mount()

    components.prices.change(3)

    assert tag.shown == 3


def test_socket_listens_once_more_after_each_reconnect() -> None:
    components.socket.reconnect()

    assert components.socket.on_message
