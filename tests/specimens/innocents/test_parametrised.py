"""Parameters that are shared by all runs and left as they were."""

from __future__ import annotations

import pytest


class Basket:
    """A parameter that all runs share."""

    def __init__(self) -> None:
        self.items: list[object] = []


@pytest.mark.parametrize("kind", ["png", "gif", "jpeg"])
def test_no_kind_of_three_is_kept(kind: str) -> None:
    assert kind.encode()


@pytest.mark.parametrize("basket", [Basket()], ids=["shared"])
def test_parameter_is_filled_and_emptied(basket: Basket) -> None:
    basket.items.append(object())
    basket.items.clear()

    assert not basket.items
