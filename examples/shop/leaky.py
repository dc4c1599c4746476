"""A price tag that leaks: it subscribes to the feed and never unsubscribes."""

from __future__ import annotations

from shop.feed import price_feed


class PriceTag:
    """Shows the latest price of an article."""

    def __init__(self, article: str) -> None:
        self.text = f"{article}: no price yet"
        price_feed.subscribe(article, self.show)

    def show(self, article: str, cents: int) -> None:
        """Show a new price."""
        self.text = f"{article}: {cents / 100:.2f}"
