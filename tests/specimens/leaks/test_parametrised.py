"""One parameter of many leaks, or the parameter itself grows; the other cases are sound."""

from __future__ import annotations

import pytest


class Image:
    """A decoded picture."""


class Basket:
    """A parameter that all runs share."""

    def __init__(self) -> None:
        self.items: list[Image] = []


DECODED: list[Image] = []
BASKETS = [Basket(), Basket()]


def decode(kind: str) -> Image:
    image = Image()
    if kind == "gif":
        DECODED.append(image)
    return image


@pytest.fixture(params=["disk", "memory"])
def storage(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        DECODED.append(Image())
    return str(request.param)


@pytest.mark.parametrize("kind", ["png", "gif", "jpeg"])
def test_one_kind_of_three_is_kept(kind: str) -> None:
    assert isinstance(decode(kind), Image)


def test_one_parameter_of_a_fixture_leaks(storage: str) -> None:
    assert storage in {"disk", "memory"}


@pytest.mark.parametrize("basket", BASKETS[1:], ids=["shared"])
def test_parameter_is_enlarged_by_every_run(basket: Basket) -> None:
    basket.items.append(Image())

    assert not BASKETS[0].items
