"""State that belongs to a thread or to a context."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, Token


class Span:
    """A piece of work that is being timed."""

    def __init__(self, name: str) -> None:
        self.name = name


local = threading.local()
trail: ContextVar[tuple[Span, ...]] = ContextVar("trail", default=())
current: ContextVar[Span | None] = ContextVar("current", default=None)
unused_tokens: list[Token[Span | None]] = []
worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spans")


def note_in_thread(name: str) -> int:
    if not hasattr(local, "spans"):
        local.spans = []
    local.spans.append(Span(name))
    return len(local.spans)


def set_in_thread(name: str) -> None:
    local.span = Span(name)


def extend_trail(name: str) -> int:
    trail.set((*trail.get(), Span(name)))
    return len(trail.get())


def enter(name: str) -> Token[Span | None]:
    return current.set(Span(name))


def enter_for_good(name: str) -> None:
    """Keep the token, which keeps the span that it replaced."""
    unused_tokens.append(enter(name))


def declare_and_set(name: str) -> None:
    """Make a variable on each call: a context never drops a variable that was set in it."""
    variable: ContextVar[Span] = ContextVar(name)
    variable.set(Span(name))
