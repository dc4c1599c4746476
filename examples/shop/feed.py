"""Announces prices to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[str, int], None]


class PriceFeed:
    """Prices in cents, by article."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    def subscribe(self, article: str, listener: Listener) -> None:
        """Call ``listener`` with every new price of an article, until it unsubscribes."""
        self._listeners.setdefault(article, []).append(listener)

    def unsubscribe(self, article: str, listener: Listener) -> None:
        """Stop calling ``listener``."""
        self._listeners[article].remove(listener)

    def announce(self, article: str, cents: int) -> int:
        """Tell everybody a new price, and return how many were told."""
        listeners = tuple(self._listeners.get(article, ()))
        for listener in listeners:
            listener(article, cents)
        return len(listeners)


#: The shop's one feed, which lives as long as the process.
price_feed = PriceFeed()
