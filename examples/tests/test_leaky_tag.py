"""The leak: the feed keeps every price tag that was ever made."""

import pytest
from shop.feed import price_feed
from shop.leaky import PriceTag


@pytest.mark.noleak
def test_tag_follows_the_price():
    tag = PriceTag("tea")

    price_feed.announce("tea", 450)

    assert tag.text == "tea: 4.50"
