"""Is each way from one object to the next named as Python would write it? On small fakes."""

from __future__ import annotations

import functools
import types
import weakref
from collections import OrderedDict, deque

import pytest

from pytest_leakguard.diagnosis.fingerprint import fingerprint
from pytest_leakguard.diagnosis.naming import (
    attributes_of,
    class_name,
    edge_text,
    key_text,
    slots_of,
    type_name,
)
from pytest_leakguard.diagnosis.paths import is_namespace_of, retention_path
from pytest_leakguard.diagnosis.roots import Root, Roots, defining_module
from pytest_leakguard.model import CONTEXT, Frame


class Thing:
    shared: object = None

    def method(self) -> None: ...


class Slotted:
    __slots__ = ("empty", "value")


class Hostile:
    """Raises at every look that is not the interpreter's own."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __len__(self) -> int:
        raise RuntimeError("len")


class Liar:
    """Claims to be a dictionary, as proxies do."""

    @property
    def __class__(self):  # type: ignore[no-untyped-def]
        return dict


def with_attribute(child: object) -> Thing:
    thing = Thing()
    thing.child = child
    return thing


def with_slot(child: object) -> Slotted:
    slotted = Slotted()
    slotted.value = child
    return slotted


def closure(child: object) -> types.CellType:
    return types.CellType(child)


def defaulted(child: object) -> types.FunctionType:
    def function(a: int = 1, b: object = child, *, c: object = None) -> None: ...

    return function


@pytest.mark.parametrize(
    ("holding", "text"),
    [
        (lambda child: {"price": child}, "['price']"),
        (lambda child: {3: child}, "[3]"),
        (lambda child: {("a", 1): child}, "[('a', 1)]"),
        (lambda child: {Thing: child}, f"[{__name__}.Thing]"),
        (lambda child: {Hostile(): child}, f"[<{__name__}.Hostile>]"),
        (lambda child: {child: 1}, " key"),
        (lambda child: OrderedDict(price=child), "['price']"),
        (lambda child: [0, child], "[1]"),
        (lambda child: (child,), "[0]"),
        (lambda child: deque([0, 0, child]), "[2]"),
        (lambda child: {child}, "{*}"),
        (lambda child: frozenset([child]), "{*}"),
        (with_attribute, ".child"),
        (with_slot, ".value"),
        (closure, ""),
        (defaulted, ".<default b>"),
        (lambda child: functools.partial(print, child), " -> "),
        (lambda child: functools.partial(child.method).func, ".__self__"),
        (lambda child: property(child.method), " -> "),
    ],
    ids=[
        "str key",
        "int key",
        "tuple key",
        "class key",
        "hostile key",
        "as key",
        "ordered",
        "list",
        "tuple",
        "deque",
        "set",
        "frozenset",
        "attribute",
        "slot",
        "cell",
        "default",
        "partial",
        "bound method",
        "property",
    ],
)
def test_a_step_is_written_as_python_would(holding, text):
    child = Thing()

    assert edge_text(holding(child), child) == text


def test_a_class_names_its_attributes(monkeypatch):
    child = Thing()
    monkeypatch.setattr(Thing, "shared", child)

    assert edge_text(Thing, child) == ".shared"


def test_a_suspended_generator_names_its_locals():
    child = Thing()

    def generate():
        kept = child
        yield kept

    generator = generate()
    next(generator)

    assert edge_text(generator, child) in (".<local kept>", ".<local child>")


@pytest.mark.parametrize("kind", [Hostile, Liar, int, object])
def test_a_step_from_an_object_that_cannot_be_looked_at_has_no_name(kind):
    assert edge_text(kind(), Thing()) == " -> "


def test_no_code_of_a_user_runs_while_naming():
    hostile = Hostile()

    assert type_name(hostile) == f"{__name__}.Hostile"
    assert key_text(hostile) == f"[<{__name__}.Hostile>]"
    assert edge_text([hostile], hostile) == "[0]"
    assert edge_text({"key": hostile}, hostile) == "['key']"
    assert attributes_of(hostile) == {}


def test_types_are_named_with_their_module_unless_builtin():
    assert type_name(3) == "int"
    assert class_name(OrderedDict) == "collections.OrderedDict"
    assert type_name(Thing()) == f"{__name__}.Thing"


def test_a_class_that_is_half_torn_down_has_a_name_too():
    cls = type("Gone", (), {"__module__": None})

    assert class_name(cls) == "Gone"


def test_long_keys_are_cut():
    text = key_text("x" * 100)

    assert len(text) == 42
    assert text.endswith("...]")


def test_empty_slots_are_passed_over():
    assert dict(slots_of(with_slot(1))) == {"value": 1}
    assert list(slots_of(Slotted())) == []


def test_a_namespace_is_the_dictionary_of_its_owner():
    thing = with_attribute(1)

    assert is_namespace_of(thing.__dict__, thing)
    assert not is_namespace_of({}, thing)
    assert is_namespace_of(types.__dict__, types)


# Whole paths


def path_of(root: Root, *chain: object) -> tuple[str, list[tuple[str, str]]]:
    name, steps = retention_path(root, list(chain))
    return name, [(step.via, step.type) for step in steps]


@pytest.fixture
def app(monkeypatch):
    """A module with a bus that has subscribers."""
    import sys

    module = types.ModuleType("app")
    bus = Thing()
    bus.subscribers = {"price": [Thing()]}
    module.default_bus = bus
    module.__file__ = "/app.py"
    monkeypatch.setitem(sys.modules, "app", module)
    return module


def test_a_path_from_a_module_goes_through_attributes_and_keys(app):
    bus = app.default_bus
    handlers = bus.subscribers["price"]

    name, steps = path_of(
        Root("app", app), app, app.__dict__, bus, bus.__dict__, bus.subscribers, handlers
    )

    assert name == "app.default_bus.subscribers['price']"
    assert steps == [
        ("app.default_bus", f"{__name__}.Thing"),
        (".subscribers", "dict"),
        ("['price']", "list"),
    ]


def test_a_path_to_a_module_itself_is_its_name(app):
    assert path_of(Root("app", app), app, app.__dict__)[0] == "app"


def test_a_path_ends_in_the_place_that_every_run_replaces(app):
    bus = app.default_bus
    bus.text = "x" * 100

    name, steps = retention_path(
        Root("app", app), [app, app.__dict__, bus, bus.__dict__], place=bus.text
    )

    assert name == "app.default_bus.text"
    assert steps[-1].type == "str"


def test_a_path_from_a_fixture_begins_with_its_name():
    value = [Thing()]
    named = {"fixture server": value}
    extras = {"": named}

    name, steps = path_of(Root("", extras), extras, named, value)

    assert name == "fixture server"
    assert steps == [("fixture server", "list")]


def test_a_path_passes_the_plumbing_of_weak_dictionaries(app):
    app.cache = weakref.WeakKeyDictionary()
    key = Thing()
    app.cache[key] = [key]

    name, _ = path_of(
        Root("app", app),
        app,
        app.__dict__,
        app.cache,
        app.cache.__dict__,
        app.cache.data,
        app.cache[key],
    )

    assert name.startswith("app.cache[")
    assert ".data" not in name


# Roots


def test_own_modules_come_before_fixtures_and_those_before_libraries(app):
    roots = Roots(lambda: {"fixture server": [1]}).all()
    names = [root.name for root in roots]

    assert names.index("app") < names.index("") < names.index(CONTEXT) < names.index("json")
    assert names[-1] == "logging.Logger.manager"  # every logger leads to it, whoever has made it
    assert not [name for name in names if name.partition(".")[0] == "pytest_leakguard"]


def test_the_places_of_the_caller_are_asked_for_at_each_search():
    values = {"fixture one": [1]}
    roots = Roots(lambda: values)
    first = next(root.obj for root in roots.all() if root.name == "")
    values = {"fixture two": [2]}
    second = next(root.obj for root in roots.all() if root.name == "")

    assert first is second
    assert list(second[""]) == ["fixture two"]


def test_a_global_belongs_to_the_module_that_defines_it(tmp_path, monkeypatch):
    (tmp_path / "owner_module.py").write_text("registry = []\n")
    (tmp_path / "importing_module.py").write_text("from owner_module import registry\n")
    monkeypatch.syspath_prepend(tmp_path)
    importing = __import__("importing_module")

    assert defining_module("importing_module", "registry", importing.registry) == "owner_module"


# Fingerprints


def frame(line: int, file: str = "/here/app.py") -> Frame:
    return Frame(file=file, line=line, function="make", source="")


def test_a_fingerprint_stays_when_lines_keys_and_directories_change():
    one = fingerprint("app.bus._subs['price']", "app.Thing", (frame(3),))

    assert fingerprint("app.bus._subs['size']", "app.Thing", (frame(9),)) == one
    assert fingerprint("app.bus._subs[0]", "app.Thing", (frame(3, "/there/app.py"),)) == one
    assert len(one) == 8
    assert int(one, 16) >= 0


@pytest.mark.parametrize(
    ("holder", "leaked", "frames"),
    [
        ("app.bus._other['price']", "app.Thing", (frame(3),)),
        ("app.bus._subs['price']", "app.Other", (frame(3),)),
        ("app.bus._subs['price']", "app.Thing", (frame(3, "/here/other.py"),)),
        ("app.bus._subs['price']", "app.Thing", ()),
    ],
)
def test_a_fingerprint_changes_with_holder_type_and_allocating_function(holder, leaked, frames):
    one = fingerprint("app.bus._subs['price']", "app.Thing", (frame(3),))

    assert fingerprint(holder, leaked, frames) != one
