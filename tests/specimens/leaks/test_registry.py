"""Registries: of the application, of the interpreter and of the standard library."""

from __future__ import annotations

import atexit
import codecs
import collections
import copyreg
import gc
import itertools
import sys
import types

from specimen_app import registry

MADE: list[type] = []
_numbers = itertools.count()


class Payload:
    """What a callback carries."""

    def __init__(self) -> None:
        self.phases = 0

    def flush(self) -> None:
        self.phases = 0

    def on_collection(self, phase: str, details: dict[str, int]) -> None:
        """Be called around each collection, and do nothing that would count."""


class NoFinder:
    """An import hook that finds nothing."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Leave it to the next one."""


def test_subclass_is_kept_by_its_base() -> None:
    class CsvExport(registry.Plugin):
        pass

    assert CsvExport in registry.Plugin.known


def test_class_is_kept_by_its_metaclass() -> None:
    name = f"Model{next(_numbers)}"

    registry.ModelMeta(name, (), {})

    assert name in registry.ModelMeta.models


def test_view_is_registered_by_a_decorator() -> None:
    path = f"/orders/{next(_numbers)}"

    @registry.route(path)
    def view() -> str:
        return path

    assert registry.routes[path]() == path


def test_class_is_registered_with_a_single_dispatch_function() -> None:
    class Money:
        pass

    @registry.describe.register(Money)
    def _(value: Money) -> str:
        return "money"

    assert registry.describe(Money()) == "money"


def test_class_made_at_run_time_is_kept() -> None:
    MADE.append(type("Row", (), {"columns": 3}))

    assert MADE[-1].columns == 3


def test_named_tuple_made_at_run_time_is_kept() -> None:
    MADE.append(collections.namedtuple("Point", "x y"))

    assert MADE[-1](1, 2).y == 2


def test_class_is_registered_for_pickling() -> None:
    class Amount:
        pass

    copyreg.pickle(Amount, lambda amount: (Amount, ()))

    assert Amount in copyreg.dispatch_table


def test_callback_for_the_exit_of_the_interpreter() -> None:
    atexit.register(Payload().flush)


def test_search_function_for_codecs() -> None:
    payload = Payload()

    def search(name: str) -> None:
        payload.phases += len(name)

    codecs.register(search)


def test_import_hook_is_never_removed() -> None:
    sys.meta_path.append(NoFinder())

    assert isinstance(sys.meta_path[-1], NoFinder)


def test_module_made_at_run_time_stays_in_sys_modules() -> None:
    name = f"specimen_plugin_{next(_numbers)}"

    sys.modules[name] = types.ModuleType(name)


def test_directory_stays_on_the_import_path() -> None:
    sys.path.append(f"/nonexistent/specimen/{next(_numbers)}")


def test_callback_around_garbage_collections() -> None:
    gc.callbacks.append(Payload().on_collection)

    assert gc.callbacks
