"""A small shop: a feed announces prices, and the tags on the shelves show them."""
