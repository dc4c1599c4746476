"""Generated examples, whose strategies have a cache of a thousand entries."""

from __future__ import annotations

import pytest

hypothesis = pytest.importorskip("hypothesis")
strategies = pytest.importorskip("hypothesis.strategies")


@hypothesis.settings(max_examples=15, deadline=None, database=None)
@hypothesis.given(strategies.lists(strategies.integers()))
def test_sorting_twice_changes_nothing(numbers: list[int]) -> None:
    assert sorted(sorted(numbers)) == sorted(numbers)


@hypothesis.settings(max_examples=15, deadline=None, database=None)
@hypothesis.given(strategies.text(max_size=20))
def test_text_survives_encoding(text: str) -> None:
    assert text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass") == text


@hypothesis.settings(max_examples=15, deadline=None, database=None)
@hypothesis.given(strategies.data())
def test_classes_made_for_each_example(data):
    name = data.draw(strategies.text("abcdefgh", min_size=1, max_size=8))
    made = type(name, (), {})
    instance = data.draw(strategies.builds(made))
    assert data.draw(strategies.sampled_from([made, dict])) in (made, dict)
    assert isinstance(instance, made)
