"""Caches without a bound, or with one that does not hold."""

from __future__ import annotations

import itertools

from specimen_app import cache

_numbers = itertools.count()


def test_dict_as_cache_gets_a_fresh_key_per_run() -> None:
    day = f"day {next(_numbers)}"

    assert cache.rate_for(day) is cache.rate_for(day)


def test_lru_cache_without_maxsize_gets_a_fresh_key_per_run() -> None:
    assert cache.render(f"/page/{next(_numbers)}").text


def test_cached_method_keeps_its_instance() -> None:
    assert cache.Report([1, 2, 3]).total() == 6


def test_memo_in_a_closure_gets_a_fresh_key_per_run() -> None:
    assert cache.parse(f"<p>{next(_numbers)}</p>").text


def test_cache_keyed_by_identity_never_hits() -> None:
    assert cache.plan_for(cache.Query("select 1")) == "scan"


def test_cache_ignores_its_own_limit_of_ten() -> None:
    cache.limited.put(f"key {next(_numbers)}", cache.Page("text"))

    assert cache.limited.maxsize == 10
