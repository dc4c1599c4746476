"""The same price tag without the leak: whoever takes it down unsubscribes it."""

from __future__ import annotations

from types import TracebackType

from shop.feed import price_feed


class PriceTag:
    """Shows the latest price of an article until it is taken down, or to the end of a ``with``."""

    def __init__(self, article: str) -> None:
        self.text = f"{article}: no price yet"
        self._article = article
        price_feed.subscribe(article, self.show)

    def __enter__(self) -> PriceTag:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.take_down()

    def show(self, article: str, cents: int) -> None:
        """Show a new price."""
        self.text = f"{article}: {cents / 100:.2f}"

    def take_down(self) -> None:
        """Stop following the price."""
        price_feed.unsubscribe(self._article, self.show)
