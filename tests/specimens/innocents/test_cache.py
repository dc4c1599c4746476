"""Caches with a bound, most of which the runs do not fill."""

from __future__ import annotations

import functools
import itertools

import pytest
from specimen_app import cache

_numbers = itertools.count()


def test_same_day_is_asked_for_on_every_run() -> None:
    assert cache.rate_for("today") is cache.rate_for("today")


def test_lru_cache_of_128_gets_a_fresh_key_per_run() -> None:
    assert cache.render_bounded(f"/page/{next(_numbers)}").text


def test_lru_cache_of_128_gets_nine_fresh_keys_per_run() -> None:
    pages = [cache.render_by_default(f"/page/{next(_numbers)}") for _ in range(9)]

    assert len(pages) == 9


def test_lru_cache_is_cleared_at_the_end() -> None:
    for number in range(20):
        cache.render(f"/cleared/{number}")
    cache.render.cache_clear()

    assert cache.render.cache_info().currsize == 0


def test_lru_cache_of_a_function_made_in_the_body() -> None:
    @functools.lru_cache(maxsize=None)
    def square(number: int) -> int:
        return number * number

    assert [square(number) for number in (2, 2, 3)] == [4, 4, 9]


def test_value_is_cached_on_the_instance() -> None:
    report = cache.Report([1, 2, 3])

    assert report.total_of_instance == report.total_of_instance == 6


def test_home_made_lru_of_ten_is_full() -> None:
    cache.small_lru.put(f"key {next(_numbers)}", cache.Page("text"))

    assert len(cache.small_lru) <= 10


def test_home_made_lru_of_a_thousand_is_far_from_full() -> None:
    cache.large_lru.put(f"key {next(_numbers)}", cache.Page("text"))

    assert len(cache.large_lru) <= 1_000


def test_ring_of_a_thousand_is_far_from_full() -> None:
    cache.ring.push(cache.Page("text"))


def test_cache_bounded_by_a_constant_that_no_object_shows() -> None:
    assert cache.thumbnail_for(f"/photo/{next(_numbers)}").text


def test_store_with_an_expiry_and_a_maximum_of_forty() -> None:
    cache.carts.put(f"cart {next(_numbers)}", cache.Page("text"))


def test_store_whose_entries_expire_after_a_fifth_of_a_second() -> None:
    cache.quotes.put(f"quote {next(_numbers)}", cache.Page("text"))


def test_first_use_fills_the_cache_for_good() -> None:
    pages = [cache.parse(f"<p>{number}</p>") for number in range(50)]

    assert len(pages) == 50


def test_cache_tools_keep_to_their_size() -> None:
    cachetools = pytest.importorskip("cachetools")
    lru = _shared_lru(cachetools)
    lru[f"key {next(_numbers)}"] = cache.Page("text")

    assert len(lru) <= 600


@functools.cache
def _shared_lru(cachetools: object) -> dict[str, cache.Page]:
    return cachetools.LRUCache(maxsize=600)
