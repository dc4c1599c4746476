"""Functions that remember: in a cell, a default, an attribute, an argument bound beforehand."""

from __future__ import annotations

import functools
from collections.abc import Callable


class Event:
    """Something that happened."""

    def __init__(self, name: str) -> None:
        self.name = name


def make_recorder() -> Callable[[str], int]:
    seen: list[Event] = []

    def record(name: str) -> int:
        seen.append(Event(name))
        return len(seen)

    return record


record = make_recorder()


def collect(name: str, into: list[Event] = []) -> int:  # noqa: B006 - the mistake under test
    into.append(Event(name))
    return len(into)


def gather(name: str, *, into: list[Event] = []) -> int:  # noqa: B006 - the mistake under test
    into.append(Event(name))
    return len(into)


def collect_afresh(name: str, into: list[Event] | None = None) -> int:
    into = [] if into is None else into
    into.append(Event(name))
    return len(into)


def track(name: str) -> None:
    track.calls.append(Event(name))  # type: ignore[attr-defined]  # set below


track.calls = []  # type: ignore[attr-defined]  # functions take attributes


def track_last(name: str) -> None:
    track_last.call = Event(name)  # type: ignore[attr-defined]  # replaced on each call


def push(name: str, queue: list[Event]) -> int:
    queue.append(Event(name))
    return len(queue)


enqueue = functools.partial(push, queue=[])


class Collector:
    """Hands out a method that is kept without its object ever getting a name."""

    def __init__(self) -> None:
        self.items: list[Event] = []

    def handle(self, name: str) -> None:
        self.items.append(Event(name))


handle = Collector().handle

jobs: list[Callable[[], object]] = []
at_close: list[Callable[[], object]] = []


def push_later(name: str) -> None:
    jobs.append(functools.partial(push, Event(name), []))


def close_later(size: int) -> None:
    """Keep a callback that captures a document where its length would do."""
    document = bytes(size)

    def report() -> int:
        return len(document)

    at_close.append(report)


def dispatch(name: str) -> Event:
    return Event(name)


def instrument() -> None:
    """Wrap whatever ``dispatch`` is by now, wrappers of earlier calls included."""
    global dispatch
    inner = dispatch

    @functools.wraps(inner)
    def timed(name: str) -> Event:
        return inner(name)

    dispatch = timed


def instrument_once(function: Callable[[str], Event]) -> Callable[[str], Event]:
    @functools.wraps(function)
    def timed(name: str) -> Event:
        return function(name)

    return timed
