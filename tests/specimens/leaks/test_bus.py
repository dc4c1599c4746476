"""Listeners that are added on every run and never removed."""

from __future__ import annotations

import pytest
from specimen_app.bus import Order, default_bus, emitter


class View:
    """Shows the last value."""

    def __init__(self) -> None:
        self.shown: object = None

    def refresh(self, value: object) -> None:
        self.shown = value


def refuse(value: object) -> None:
    raise ValueError(value)


def test_fresh_lambda_is_subscribed_and_never_unsubscribed() -> None:
    prices: list[object] = []
    default_bus.subscribe("price", lambda price: prices.append(price))

    default_bus.publish("price", 3)

    assert prices == [3]


def test_bound_method_keeps_its_object() -> None:
    view = View()
    emitter.on("saved", view.refresh)

    emitter.emit("saved", 1)

    assert view.shown == 1


def test_listener_for_a_single_event_that_never_comes() -> None:
    emitter.once("ready", View().refresh)

    assert emitter.listeners["ready"]


def test_unsubscribing_is_skipped_when_publishing_raises() -> None:
    def publish() -> None:
        subscription = default_bus.subscribe("stock", refuse)
        default_bus.publish("stock", 0)
        default_bus.unsubscribe(subscription)

    with pytest.raises(ValueError, match="0"):
        publish()


def test_listener_on_the_emitter_of_a_class() -> None:
    paid: list[int] = []

    def note(order: Order) -> None:
        paid.append(order.number)

    Order.events.on("paid", note)
    Order(7).pay()

    assert paid == [7]
