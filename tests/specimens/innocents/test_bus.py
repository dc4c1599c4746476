"""Listeners that are removed again, fire once, or are held weakly."""

from __future__ import annotations

import contextlib
import gc

import pytest
from specimen_app.bus import Order, default_bus, emitter, weak_bus


class View:
    """Shows the last value."""

    def __init__(self) -> None:
        self.shown: object = None

    def refresh(self, value: object) -> None:
        self.shown = value


def refuse(value: object) -> None:
    raise ValueError(value)


def test_lambda_is_subscribed_and_unsubscribed() -> None:
    prices: list[object] = []
    subscription = default_bus.subscribe("price", lambda price: prices.append(price))
    default_bus.publish("price", 3)
    default_bus.unsubscribe(subscription)

    assert prices == [3]


def test_equal_bound_method_is_removed() -> None:
    view = View()
    emitter.on("saved", view.refresh)
    emitter.emit("saved", 1)
    emitter.off("saved", view.refresh)

    assert view.shown == 1


def test_listener_for_a_single_event_that_comes() -> None:
    view = View()
    emitter.once("ready", view.refresh)

    emitter.emit("ready", "yes")

    assert not emitter.listeners["ready"]


def test_unsubscribing_is_left_to_an_exit_stack() -> None:
    with pytest.raises(ValueError, match="0"), contextlib.ExitStack() as stack:
        subscription = default_bus.subscribe("stock", refuse)
        stack.callback(default_bus.unsubscribe, subscription)
        default_bus.publish("stock", 0)


def test_listener_on_the_emitter_of_a_class_is_removed() -> None:
    paid: list[int] = []

    def note(order: Order) -> None:
        paid.append(order.number)

    Order.events.on("paid", note)
    Order(7).pay()
    Order.events.off("paid", note)

    assert paid == [7]


def test_weakly_held_method_goes_with_its_object() -> None:
    view = View()
    weak_bus.subscribe("price", view.refresh)
    assert weak_bus.publish("price", 3) == 1

    del view
    gc.collect()

    assert weak_bus.publish("price", 4) == 0
