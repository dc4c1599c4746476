"""What keeps a test from being run again, and what is there to do about it?"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, final

import pytest

from pytest_leakguard.runner import BrokenRunError, Subject

_UNDO = "make it repeatable: undo in a tear-down what it changes"
_MAKE = "make it anew in the test or in a fixture"
#: What one run uses up, the narrower kinds first: a file is an iterator too.
_SPENT: tuple[tuple[type, str], ...] = (
    (io.IOBase, "an open file, read or written by the first run"),
    (Coroutine, "a coroutine, used up by the first run"),
    (Iterator, "an iterator, used up by the first run"),
    (AsyncIterator, "an iterator, used up by the first run"),
)


@final
class Advised:
    """A subject whose broken runs say what to do about them.

    Args:
        subject: What is run.
        item: The test that it runs.
    """

    def __init__(self, subject: Subject, item: pytest.Item) -> None:
        self._subject = subject
        self._item = item

    def run(self) -> None:
        """Run once.

        Raises:
            BrokenRunError: The run did not pass; the text ends with what to do about it.
        """
        try:
            self._subject.run()
        except BrokenRunError as broken:
            raise BrokenRunError(f"{broken}; {next_step(self._item)}") from None


def next_step(item: pytest.Item) -> str:
    """Say what to do about a test that passes but does not pass again.

    Args:
        item: The test. If it has a parameter that is used up once it was run, this is named.
    """
    callspec = getattr(item, "callspec", None)
    for name, value in getattr(callspec, "params", {}).items():
        for kind, what in _SPENT:
            # The type is asked, and not the value: that might be a proxy, which answers for others.
            if issubclass(type(value), kind):
                return f"its parameter {name!r} is {what}: {_MAKE}"
    return _UNDO


def function_of(item: Any) -> Any:
    """Return a test's function, without leaving an instance that unittest has let go of.

    What a run stores on an instance is taken from it, and there unittest itself stores something.

    Args:
        item: The test, after its first run.
    """
    has_instance = hasattr(item, "_instance")
    function = getattr(item, "obj", None)
    if not has_instance and getattr(item, "nofuncargs", False):
        item._obj = None
        del item._instance
    return getattr(function, "__func__", function)
