"""What the application knows by name: plug-ins, models, routes, ways to describe a value."""

from __future__ import annotations

import functools
from collections.abc import Callable


class Plugin:
    """Keeps each of its subclasses."""

    known: list[type[Plugin]] = []

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        Plugin.known.append(cls)


class ModelMeta(type):
    """Keeps each class that it makes, by name."""

    models: dict[str, type] = {}

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, object]) -> ModelMeta:
        cls = super().__new__(mcs, name, bases, body)
        mcs.models[name] = cls
        return cls


routes: dict[str, Callable[[], object]] = {}


def route(path: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    def register(view: Callable[[], object]) -> Callable[[], object]:
        routes[path] = view
        return view

    return register


@functools.singledispatch
def describe(value: object) -> str:
    return f"a {type(value).__name__}"
