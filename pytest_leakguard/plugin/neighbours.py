"""Where are the containers near to a test: in its module, its fixtures, and the code they use?"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_leakguard.counters.nearby import Neighbourhood
from pytest_leakguard.ownership import is_library

#: What runs the tests is not what they are about.
_HARNESS = frozenset({"pytest", "_pytest", "pluggy", "pytest_leakguard", "xdist", "execnet"})
#: Names in the code of a test that looks at what is alive.
_LOOKING = frozenset(
    {"gc", "weakref", "ref", "proxy", "finalize", "getrefcount", "get_objects", "get_referrers"}
)


class Neighbours:
    """Finds the neighbourhood of each test; tests of one file and the same fixtures share one."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._neighbourhood: Neighbourhood | None = None

    def of(self, item: pytest.Item, fixtures: Mapping[str, object]) -> Neighbourhood:
        """Return where the containers near to a test are looked for.

        Args:
            item: The test.
            fixtures: The values of the fixtures that outlive it.
        """
        key = (_file_of(item), *map(id, fixtures.values()))
        if self._neighbourhood is None or key != self._key:
            values = [value for value in fixtures.values() if value is not None]
            namespaces = _namespaces(item)
            own = _own_packages(namespaces)
            self._key = key
            self._neighbourhood = Neighbourhood(
                key=key,
                near=lambda: [*namespaces, *values],
                far=lambda: _namespaces_of(own),
                own=own,
                foreign=_is_harness,
            )
        return self._neighbourhood

    def leave(self) -> None:
        """Forget the last one, and with it the values of fixtures."""
        self._key, self._neighbourhood = (), None


def ends_file(item: pytest.Item, nextitem: object) -> bool:
    """Tell whether a test is the last one of its file."""
    return not isinstance(nextitem, pytest.Item) or _file_of(nextitem) != _file_of(item)


def looks_at_lifetimes(item: pytest.Item) -> bool:
    """Tell whether a test's own code looks at what is alive: nothing may be held beside it."""
    code = getattr(getattr(item, "function", None), "__code__", None)
    return isinstance(code, types.CodeType) and not _LOOKING.isdisjoint(_names_in(code))


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _file_of(item: pytest.Item) -> str:
    return next((node.nodeid for node in item.iter_parents() if isinstance(node, pytest.File)), "")


def _namespaces(item: pytest.Item) -> list[dict[str, Any]]:
    """Return the namespaces of the test's module and of the ``conftest.py`` files around it."""
    plugins = [
        plugin
        for plugin in item.config.pluginmanager.get_plugins()
        if isinstance(plugin, types.ModuleType) and not is_library(plugin)
    ]
    modules = [getattr(item, "module", None), *sorted(plugins, key=lambda one: one.__name__)]
    return [vars(module) for module in modules if isinstance(module, types.ModuleType)]


def _own_packages(namespaces: list[dict[str, Any]]) -> frozenset[str]:
    """Return the top-level names of the user's packages, and of those that the tests import."""
    packages = {_top(name) for name, module in _modules() if not is_library(module)}
    packages |= {
        _top(name)
        for namespace in namespaces
        for value in [*namespace.values()]
        if isinstance(name := _defining_module(value), str)
    }
    return frozenset(name for name in packages - sys.stdlib_module_names if not _is_harness(name))


def _namespaces_of(packages: frozenset[str]) -> list[object]:
    """Return the namespaces of packages: the user's own first, then what the tests import."""
    modules = [module for name, module in _modules() if _top(name) in packages]
    modules.sort(key=is_library)
    return [vars(module) for module in modules]


def _modules() -> list[tuple[str, types.ModuleType]]:
    loaded: dict[str, object] = {**sys.modules}  # tests put all kinds of things there
    return [
        (name, module) for name, module in loaded.items() if isinstance(module, types.ModuleType)
    ]


def _is_harness(package: str) -> bool:
    return package in _HARNESS or package.startswith("pytest_")


def _top(name: str) -> str:
    return name.partition(".")[0]


def _defining_module(value: object) -> object:
    kinds = (type, types.FunctionType)
    if isinstance(value, types.ModuleType):
        return value.__name__
    return getattr(value, "__module__", None) if issubclass(type(value), kinds) else None
