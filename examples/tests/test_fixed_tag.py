"""The fix: the same test, but the tag is taken down at the end of the block."""

import pytest
from shop.feed import price_feed
from shop.fixed import PriceTag


@pytest.mark.noleak
def test_tag_follows_the_price():
    with PriceTag("tea") as tag:
        price_feed.announce("tea", 450)

        assert tag.text == "tea: 4.50"
