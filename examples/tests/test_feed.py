"""Ordinary tests without a marker: checked only under ``--leak-check``."""

from shop.feed import PriceFeed


def test_listener_hears_a_new_price():
    feed, heard = PriceFeed(), []
    feed.subscribe("tea", lambda article, cents: heard.append((article, cents)))

    feed.announce("tea", 450)

    assert heard == [("tea", 450)]


def test_nobody_is_told_after_unsubscribing():
    feed, heard = PriceFeed(), []

    def listener(article, cents):
        heard.append((article, cents))

    feed.subscribe("tea", listener)
    feed.unsubscribe("tea", listener)

    assert feed.announce("tea", 450) == 0
    assert heard == []
