"""How does each run of a soak call a test's body several times, with one set of fixtures?"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, final

import pytest
from _pytest.unittest import TestCaseFunction  # unittest's runner has no other name here

from pytest_leakguard.workers import together

_NAME = "leakguard-crowd"


def refusal(item: pytest.Item) -> str:
    """Say why the body of a test cannot be run by workers; empty if it can."""
    if isinstance(item, TestCaseFunction):
        return "unittest runs a method of it, on an instance that is not made for several threads"
    if not isinstance(item, pytest.Function):
        return f"a {type(item).__name__} has no test function"
    if getattr(item.obj, "is_hypothesis_test", False):
        return "Hypothesis draws its examples one after the other"
    return ""


@final
class Crowd:
    """Puts a function that calls the test's own together in the place of it, while it is called.

    Args:
        item: The test.
        workers: How many threads or tasks call it.
    """

    def __init__(self, item: pytest.Item, workers: int) -> None:
        self._item: Any = item
        self._workers = workers

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Have workers call the test's function inside."""
        manager = self._item.config.pluginmanager
        manager.register(self, _NAME)
        try:
            yield
        finally:
            manager.unregister(self, _NAME)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, object, object]:
        """Replace it before plugins for coroutines make an ordinary function of it."""
        if item is not self._item:
            return (yield)
        own = item.obj
        item.obj = together(own, self._workers)
        try:
            return (yield)
        finally:
            item.obj = own
