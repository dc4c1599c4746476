"""Arrays whose memory lies outside Python's allocator."""

from __future__ import annotations

import pytest

numpy = pytest.importorskip("numpy")

LAST: dict[str, object] = {}


def test_large_array_is_freed() -> None:
    assert numpy.ones(200_000).sum() == 200_000


def test_last_array_is_replaced() -> None:
    LAST["prices"] = numpy.arange(50_000)

    assert LAST["prices"][-1] == 49_999


def test_views_are_dropped_with_their_array() -> None:
    views = [numpy.zeros(1_000)[start:] for start in range(50)]

    assert views[-1].size == 951
