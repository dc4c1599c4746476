"""Where does the search for holders begin? At everything that lives on its own and has a name."""

from __future__ import annotations

import ast
import contextvars
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from pytest_leakguard.diagnosis.registries import Registries
from pytest_leakguard.model import CONTEXT
from pytest_leakguard.ownership import is_library

#: Packages whose own state is never the answer: this one holds what it measures.
_OURSELVES = "pytest_leakguard"


@dataclass(frozen=True, slots=True)
class Root:
    """A place from which objects are reached, and what it is called."""

    name: str
    obj: object


class Places(dict[str, object]):
    """Named places that the caller adds."""


class Roots:
    """Modules, other threads' frames, context variables, registries, and what the caller adds.

    Args:
        extra: Called at each search; returns further named places, such as the values of fixtures.
            Under ``CONTEXT``, the context that is looked at instead of this thread's.
    """

    def __init__(self, extra: Callable[[], Mapping[str, object]] = dict) -> None:
        self._extra = extra
        # One dictionary each for the lifetime of a diagnosis, so that two looks compare.
        self._context: dict[object, object] = {}
        self._named = Places()
        # One level deeper, like a module's dictionary: where paths tie, the module wins.
        self._extras = {"": self._named}
        self._registries = Registries()

    def refresh(self) -> None:
        """Look again at what lives in no object: context variables, signal handlers, fixtures."""
        self._named.clear()
        self._named.update(self._extra())
        context = self._named.pop(CONTEXT, None)
        if not isinstance(context, contextvars.Context):
            context = contextvars.copy_context()
        self._context.clear()
        self._context.update(context.items())
        self._registries.refresh()

    def recording(self) -> AbstractContextManager[None]:
        """Note inside what is registered with the interpreter and seen nowhere else."""
        return self._registries.recording()

    def all(self) -> list[Root]:
        """Return every root, the likeliest owners first: where paths tie, the first one wins."""
        self.refresh()
        modules = [
            Root(name, module)
            for name, module in _loaded()
            if isinstance(module, types.ModuleType) and name.partition(".")[0] != _OURSELVES
        ]
        # A module is listed when its import begins: what it imports comes later and is nearer to
        # the owner. Whose own code it is decides before that.
        modules.reverse()
        own = [root for root in modules if not is_library(root.obj)]
        libraries = [root for root in modules if is_library(root.obj)]
        current = threading.get_ident()
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        frames = [
            Root(f"thread {names.get(ident, ident)!r}", frame)
            for ident, frame in sys._current_frames().items()
            if ident != current
        ]
        return [
            *own,
            Root("", self._extras),
            Root(CONTEXT, self._context),
            *frames,
            *[Root(name, value) for name, value in self._registries.values.items()],
            *libraries,
            *_managers(),
        ]


def _managers() -> Iterator[Root]:
    """Give the registry of loggers, which each logger leads to: else the first met names it."""
    manager = getattr(getattr(sys.modules.get("logging"), "Logger", None), "manager", None)
    if manager is not None:
        yield Root("logging.Logger.manager", manager)


def defining_module(module_name: str, name: str, obj: object) -> str:
    """Return the module that defines a global, where several only import it.

    Args:
        module_name: The module in which the global was found.
        name: Its name there.
        obj: Its value.
    """
    claimed = getattr(obj, "__module__", None) if isinstance(obj, _NAMED) else None
    if isinstance(claimed, str) and claimed in sys.modules:
        return claimed
    sharing = [
        other
        for other, module in _loaded()
        if isinstance(module, types.ModuleType)
        and other.partition(".")[0] != _OURSELVES
        and module.__dict__.get(name) is obj
    ]
    for other in sorted(sharing, key=lambda candidate: candidate != module_name):
        if not _imports(sys.modules[other], name):
            return other
    return module_name


_NAMED = (type, types.FunctionType)


def _loaded() -> list[tuple[str, object]]:
    # Tests put all kinds of things there, not only modules.
    return [*sys.modules.items()]


def _imports(module: types.ModuleType, name: str) -> bool:
    """Tell whether a module gets a global by an import statement, from its source."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return False
    try:
        with open(file, encoding="utf-8") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return False
    return any(
        isinstance(node, ast.ImportFrom)
        and any((alias.asname or alias.name) in (name, "*") for alias in node.names)
        for node in ast.walk(tree)
    )
