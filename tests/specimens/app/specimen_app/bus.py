"""Who listens to which topic."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

Callback = Callable[[Any], object]


class Subscription:
    """One callback on one topic."""

    def __init__(self, topic: str, callback: Callback) -> None:
        self.topic = topic
        self.callback = callback


class EventBus:
    """Topics with subscriptions that the caller has to cancel."""

    def __init__(self) -> None:
        self._subs: dict[str, list[Subscription]] = {}

    def subscribe(self, topic: str, callback: Callback) -> Subscription:
        subscription = Subscription(topic, callback)
        if topic not in self._subs:
            self._subs[topic] = []
        self._subs[topic].append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subs[subscription.topic].remove(subscription)

    def publish(self, topic: str, value: object) -> int:
        subscriptions = tuple(self._subs.get(topic, ()))
        for subscription in subscriptions:
            subscription.callback(value)
        return len(subscriptions)


class Emitter:
    """Bare callables per event, in a slot."""

    __slots__ = ("listeners",)

    def __init__(self) -> None:
        self.listeners: dict[str, list[Callback]] = {}

    def on(self, event: str, callback: Callback) -> None:
        self.listeners.setdefault(event, []).append(callback)

    def off(self, event: str, callback: Callback) -> None:
        self.listeners[event].remove(callback)

    def once(self, event: str, callback: Callback) -> None:
        def fire(value: object) -> None:
            self.off(event, fire)
            callback(value)

        self.on(event, fire)

    def emit(self, event: str, value: object) -> None:
        for callback in tuple(self.listeners.get(event, ())):
            callback(value)


class WeakBus:
    """Forgets a bound method as soon as its object is gone."""

    def __init__(self) -> None:
        self._methods: dict[str, list[weakref.WeakMethod[Any]]] = {}

    def subscribe(self, topic: str, method: Callback) -> None:
        methods = self._methods.setdefault(topic, [])
        methods.append(weakref.WeakMethod(method, methods.remove))

    def publish(self, topic: str, value: object) -> int:
        alive = [method for ref in self._methods.get(topic, ()) if (method := ref()) is not None]
        for method in alive:
            method(value)
        return len(alive)


default_bus = EventBus()
emitter = Emitter()
weak_bus = WeakBus()


class Order:
    """Announces its changes on an emitter that the whole class shares."""

    events = Emitter()

    def __init__(self, number: int) -> None:
        self.number = number

    def pay(self) -> None:
        self.events.emit("paid", self)
