"""Which fixtures that are wider than a function are set up now?"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest


class Fixtures:
    """The fixtures wider than a function that are set up now.

    Each run of a fixture leaves an entry in the finalizer list of every wider fixture that it uses,
    to be emptied when that one ends: with re-runs, a growth of our own making. A class's fixture
    ends with each test that is in no class.

    Attributes:
        names: Of all fixtures that were set up, by the file and the name of their function.
    """

    def __init__(self) -> None:
        self._wide: dict[int, Any] = {}
        self.names: dict[tuple[str, str], str] = {}

    def set_up(self, definition: Any) -> None:
        """Note that a fixture is being set up."""
        function = inspect.unwrap(definition.func)
        if (code := getattr(function, "__code__", None)) is not None:
            self.names.setdefault((code.co_filename, function.__qualname__), definition.argname)
        if definition.scope != "function":
            self._wide[id(definition)] = definition

    def finished(self, definition: Any) -> None:
        """Note that a fixture has ended."""
        self._wide.pop(id(definition), None)

    def values(self) -> Mapping[str, object]:
        """Return the current values by the name that reports give them."""
        return {
            f"fixture {definition.argname}": definition.cached_result[0]
            for definition in self._wide.values()
            if definition.cached_result is not None
        }

    @contextmanager
    def keeping_finalizers(self) -> Iterator[None]:
        """Drop, at the end, the entries of fixtures that have begun and ended inside."""
        before = [
            (definition._finalizers, len(definition._finalizers), definition._finalizers[-1:])
            for definition in self._wide.values()
        ]
        try:
            yield
        finally:
            for finalizers, length, last in before:
                # A fixture that ended and began anew has another list, all of it its own.
                if finalizers[length - 1 : length] == last:
                    finalizers[length:] = [
                        entry for entry in finalizers[length:] if not _has_ended(entry)
                    ]


def _has_ended(finalizer: object) -> bool:
    """Tell whether it would only end a fixture that has ended already."""
    if not isinstance(finalizer, functools.partial):
        return False
    definition = getattr(finalizer.func, "__self__", None)
    return isinstance(definition, pytest.FixtureDef) and definition.cached_result is None
