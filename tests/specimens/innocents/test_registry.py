"""Classes made in the test body, and registrations that are taken back."""

from __future__ import annotations

import abc
import atexit
import codecs
import collections
import copyreg
import dataclasses
import enum
import functools
import gc
import itertools
import sys
import types
import typing

import pytest
from specimen_app import registry

T = typing.TypeVar("T")
_numbers = itertools.count()


def test_class_is_made_in_the_body() -> None:
    class Row:
        columns = 3

    assert Row().columns == 3


def test_dataclass_is_made_in_the_body() -> None:
    @dataclasses.dataclass(frozen=True)
    class Point:
        x: int
        y: int = 0

    assert Point(1) == Point(1, 0)


def test_enum_is_made_in_the_body() -> None:
    class Colour(enum.Enum):
        RED = "red"
        BLUE = "blue"

    assert Colour("red") is Colour.RED


def test_named_tuple_is_made_in_the_body() -> None:
    point = collections.namedtuple("Point", "x y")

    assert point(1, 2)._asdict() == {"x": 1, "y": 2}


def test_abstract_class_is_made_in_the_body() -> None:
    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self) -> float: ...

    class Square(Shape):
        def area(self) -> float:
            return 1.0

    assert isinstance(Square(), Shape)


def test_protocol_is_made_in_the_body() -> None:
    @typing.runtime_checkable
    class Sized(typing.Protocol):
        def __len__(self) -> int: ...

    assert isinstance([], Sized)


def test_generic_class_is_made_and_parametrised_in_the_body() -> None:
    class Box(typing.Generic[T]):
        def __init__(self, content: T) -> None:
            self.content = content

    assert typing.get_args(Box[int]) == (int,)
    assert Box[typing.List[int]]([1]).content == [1]  # noqa: UP006 - the cached spelling


def test_single_dispatch_function_is_made_in_the_body() -> None:
    class Money:
        pass

    @functools.singledispatch
    def describe(value: object) -> str:
        return "thing"

    @describe.register(Money)
    def _(value: Money) -> str:
        return "money"

    assert describe(Money()) == "money"


def test_shared_single_dispatch_function_sees_a_class_once() -> None:
    class Money:
        pass

    assert registry.describe(Money()) == "a Money"


def test_subclass_is_taken_off_the_list_of_its_base() -> None:
    class CsvExport(registry.Plugin):
        pass

    registry.Plugin.known.remove(CsvExport)

    assert CsvExport not in registry.Plugin.known


def test_model_of_the_same_name_replaces_the_one_before() -> None:
    model = registry.ModelMeta("Customer", (), {})

    assert registry.ModelMeta.models["Customer"] is model


def test_route_of_the_same_path_replaces_the_one_before() -> None:
    @registry.route("/orders")
    def view() -> str:
        return "orders"

    assert registry.routes["/orders"] is view


def test_class_is_unregistered_from_pickling() -> None:
    class Amount:
        pass

    copyreg.pickle(Amount, lambda amount: (Amount, ()))

    assert copyreg.dispatch_table.pop(Amount)


def test_callback_for_the_exit_is_unregistered() -> None:
    def flush() -> None:
        raise AssertionError("must not be called")

    atexit.register(flush)
    atexit.unregister(flush)


def test_search_function_for_codecs_is_unregistered() -> None:
    def search(name: str) -> None:
        return None

    codecs.register(search)
    codecs.unregister(search)


def test_import_hook_is_removed() -> None:
    class NoFinder:
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            return None

    finder = NoFinder()
    sys.meta_path.append(finder)
    sys.meta_path.remove(finder)

    assert finder not in sys.meta_path


def test_module_made_at_run_time_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"specimen_plugin_{next(_numbers)}"
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))

    assert name in sys.modules


def test_callback_around_garbage_collections_is_removed() -> None:
    phases: list[str] = []

    def note(phase: str, details: dict[str, int]) -> None:
        phases.append(phase)

    gc.callbacks.append(note)
    gc.collect()
    gc.callbacks.remove(note)

    assert phases == ["start", "stop"]
