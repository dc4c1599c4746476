"""Is each kind of leak given its name, and a likeness not? On real objects, without a leak."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import io
import itertools
import logging
import re
import sched
import subprocess
import sys
import tempfile
import threading
import types
import weakref
from collections import ChainMap, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_leakguard.diagnosis.clues import Clue
from pytest_leakguard.diagnosis.naming import type_name
from pytest_leakguard.diagnosis.patterns import NATIVE, PATTERNS, recognise
from pytest_leakguard.model import Finding, Frame, Step

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "patterns.md"


class Thing:
    """What is kept where its kind does not matter."""


class Hostile:
    """Raises at every look that is not the interpreter's own."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __eq__(self, other):
        raise RuntimeError("eq")

    __hash__ = object.__hash__

    def __len__(self):
        raise RuntimeError("len")


class Session:
    """A type whose name is a clue."""


class Connection:
    """A type whose name is a clue."""


class EventHandlers:
    """An owner whose name is a clue."""


class LoggingMiddleware:
    """An owner whose name is a clue."""


def has(**attributes):
    thing = Thing()
    vars(thing).update(attributes)
    return thing


def line_in(function):
    return Frame(file="shop.py", line=1, function=function, source="")


def clue(
    holder="shop.kept",
    example=None,
    *,
    chain=(),
    container=None,
    kid=None,
    replaced=False,
    path=(),
    grown=(),
    retained=(),
):
    """Return what is told of an example in a container; grown: function names, or whole frames."""
    example = Thing() if example is None else example
    container = [example] if container is None else container
    own = vars(example).values() if type(example) is Thing else ()
    lines = [place if isinstance(place, Frame) else line_in(place) for place in grown]
    finding = Finding(
        type=type_name(example),
        objects_per_run=1,
        bytes_per_run=100,
        holder=holder,
        path=tuple(Step(via="", type=type_name(owner)) for owner in (*path, container)),
        grown=tuple(lines),
    )
    return Clue(
        finding=finding,
        root="shop",
        chain=[*chain, container],
        example=example,
        kid=example if kid is None else kid,
        replaced=replaced,
        retained={id(obj) for obj in (example, *retained, *own)},
    )


def name_of(clue):
    pattern = recognise(clue)
    return pattern and pattern.name


def numbers():
    yield from itertools.count()


async def answer():
    return 1


def coroutine():
    made = answer()
    made.close()
    return made


def capturing(captured):
    return lambda: captured


def in_cycle():
    parent, children = Thing(), []
    child = has(owner=parent)
    parent.children = children
    children.append(child)
    return {"example": parent, "retained": (child, children), "container": {1: parent}}


def chained():
    before = Thing()
    return {"example": has(before=before), "retained": (before,), "replaced": True}


def unclosed_loop():
    loop = asyncio.new_event_loop()
    loop.close()
    return loop


def shut_down():
    with ThreadPoolExecutor(1) as executor:
        return executor


def token():
    variable = contextvars.ContextVar("variable")
    return contextvars.Context().run(variable.set, 1)


def carelessly_closing(tmp_path):
    """Return a line after which a release may be skipped."""
    path = tmp_path / "careless.py"
    path.write_text("def read(path):\n    file = open(path)\n    file.read()\n    file.close()\n")
    return Frame(file=str(path), line=2, function="read", source="")


#: Pattern and clue; several for a pattern that is told in several ways.
_RECOGNISED = [
    ("started patch", lambda: clue("unittest.mock._patch._active_patches")),
    ("started patch", lambda: clue(chain=[pytest.MonkeyPatch()])),
    ("stored exception", lambda: clue(example=ValueError("no"))),
    ("logging handler", lambda: clue(example=logging.NullHandler())),
    ("logging handler", lambda: clue(example=logging.Filter())),
    (
        "logging handler",
        lambda: clue("shop.log.handlers", chain=[logging.getLogger()]),
    ),
    ("exit handler", lambda: clue("atexit")),
    ("exit handler", lambda: clue("weakref.finalize._registry", container={})),
    ("interpreter registry", lambda: clue("sys.path", "plugins", container=sys.path)),
    ("interpreter registry", lambda: clue("codecs")),
    ("interpreter registry", lambda: clue("copyreg.dispatch_table", container={})),
    (
        "weak mapping holds its key",
        lambda: clue(chain=[weakref.WeakKeyDictionary()], container={}),
    ),
    (
        "weak mapping holds its key",
        lambda: clue(chain=[weakref.WeakValueDictionary()], container={}),
    ),
    ("context variable", lambda: clue(example=token())),
    ("context variable", lambda: clue(example=has(token=token()))),
    ("context variable", lambda: clue(chain=[contextvars.ContextVar("variable")])),
    ("thread-local value", lambda: clue(chain=[threading.local()])),
    ("mutable default argument", lambda: clue("shop.buy.<default basket>")),
    ("timer", lambda: clue(example=threading.Timer(1, print))),
    ("timer", lambda: clue("shop.scheduler._queue", chain=[sched.scheduler()])),
    ("executor", lambda: clue(example=shut_down())),
    ("executor", lambda: clue(example=has(executor=shut_down()))),
    ("event loop", lambda: clue(example=unclosed_loop())),
    ("pending promise", lambda: clue(example=Future())),
    ("pending promise", lambda: clue(example=coroutine())),
    ("suspended generator", lambda: clue(example=numbers())),
    ("suspended generator", lambda: clue(chain=[numbers()])),
    ("forgotten poller", lambda: clue(example=threading.Thread(target=print))),
    ("forgotten poller", lambda: clue(example=has(poller=threading.Thread()))),
    ("pool checkout", lambda: clue("shop.POOL._free")),
    ("pool checkout", lambda: clue("shop.Channels.in_use")),
    ("pool checkout", lambda: clue("shop.Channels.checkedOut", container=set())),
    ("class registry", lambda: clue("shop.Format.known", type("Csv", (), {}), chain=[Thing])),
    (
        "class registry",
        lambda: clue("shop.show.registry", container={}, chain=[functools.singledispatch(print)]),
    ),
    ("run-time class", lambda: clue(example=type("Row", (), {}))),
    ("resource manager", lambda: clue("shop.desk.acquired", container=set())),
    ("resource manager", lambda: clue("shop.desk.leases['tea']", container={})),
    ("resource manager", lambda: clue(chain=[ExitStack()], container=deque())),
    ("reconnect listeners", lambda: clue("shop.wire.listeners", grown=["Wire.reconnect"])),
    ("reconnect listeners", lambda: clue("shop.wire.bound", print_, grown=["on_reconnect"])),
    ("subscription", lambda: clue("shop.prices.observers", grown=["Ticker.mount"])),
    ("subscription", lambda: clue(grown=["Prices.subscribe", "Ticker.on_attach"])),
    ("event listener", lambda: clue("shop.bus._listeners['tea']")),
    ("event listener", lambda: clue("shop.bus.callbacks", container={})),
    ("event listener", lambda: clue("shop.bus.all", grown=["EventHandlers.subscribe"])),
    ("event listener", lambda: clue(grown=["Bus.on"])),
    ("event listener", lambda: clue(grown=["watch_prices"])),
    ("session store", lambda: clue("shop.SESSIONS", container={})),
    ("session store", lambda: clue("shop.store.entries", Session(), container={})),
    ("request log in middleware", lambda: clue("shop.app.requests", path=[LoggingMiddleware()])),
    ("request log in middleware", lambda: clue("shop.request_log")),
    ("connection registry", lambda: clue("shop.server.clients", container={})),
    ("connection registry", lambda: clue("shop.server.all", Connection(), container=set())),
    ("connection registry", lambda: clue("shop.rooms['tea']", grown=["Server.connect"])),
    ("stream", lambda: clue(example=io.StringIO())),
    ("stream", lambda: clue(example=has(file=io.StringIO()))),
    ("child process", lambda: clue(example=has(process=object.__new__(subprocess.Popen)))),
    ("temporary file", lambda: clue(example=object.__new__(tempfile.TemporaryDirectory))),
    ("closure", lambda: clue("shop.later", capturing(1))),
    ("closure", lambda: clue("shop.add.<cell seen>")),
    ("circular reference", lambda: clue("shop.trees", **in_cycle())),
    ("growing chain", lambda: clue(chain=[ChainMap()], container={})),
    ("growing chain", lambda: clue("shop.last", **chained())),
    ("detached structure", lambda: clue(example=has(parent=None))),
    ("detached structure", lambda: clue(example=has(_parent=None), container=set())),
    ("unbounded cache", lambda: clue("shop.answers", container={})),
    (
        "unbounded cache",
        lambda: clue("shop.ask", chain=[functools.cache(Thing)], container=deque()),
    ),
    ("global accumulation", lambda: clue("shop.records")),
    ("global accumulation", lambda: clue("shop.records", container=deque())),
    ("global accumulation", lambda: clue("shop.trail", (1, 2), replaced=True)),
]

#: A pattern that goes by names, and a clue that must not be given it.
_NEAR_MISSES = [
    # Part of a word is not a word.
    ("event listener", lambda: clue("shop.subtotals")),
    ("session store", lambda: clue("shop.obsessions", container={})),
    ("connection registry", lambda: clue("shop.clientele")),
    ("pool checkout", lambda: clue("shop.liverpool")),
    ("resource manager", lambda: clue("shop.releases")),
    ("request log in middleware", lambda: clue("shop.request_catalog")),
    # What owns a list may be called anything.
    ("event listener", lambda: clue("shop.app.seen", path=[EventHandlers()])),
    ("connection registry", lambda: clue("shop.client.history")),
    ("detached structure", lambda: clue(example=has(owner=None))),
    # One of two words, or two in two functions, are not enough.
    ("pool checkout", lambda: clue("shop.out")),
    ("request log in middleware", lambda: clue("shop.client.requests")),
    ("reconnect listeners", lambda: clue("shop.attempts", grown=["Wire.reconnect"])),
    ("reconnect listeners", lambda: clue("shop.wire.listeners", grown=["Wire.connect"])),
    ("subscription", lambda: clue("shop.mounted", grown=["Ticker.mount"])),
    ("subscription", lambda: clue("shop.bus.listeners", grown=["Till.amount"])),
    # The key, the module and the fixture say where, and the test says nothing.
    ("session store", lambda: clue("shop.counts['session']")),
    ("event listener", lambda: clue("handlers.seen", chain=[types.ModuleType("handlers")])),
    ("connection registry", lambda: clue("fixture client.seen")),
    ("event listener", lambda: clue(grown=["test_subscribe"])),
    # What connects is no listener where connections are kept.
    ("event listener", lambda: clue("shop.connections", grown=["Server.connect"])),
]


def print_():
    """Stand for a function that captures nothing."""


@pytest.mark.parametrize(
    ("name", "made"), _RECOGNISED, ids=[f"{name} {i}" for i, (name, _) in enumerate(_RECOGNISED)]
)
def test_a_leak_is_given_its_name(name, made):
    assert name_of(made()) == name


@pytest.mark.parametrize(
    ("name", "made"), _NEAR_MISSES, ids=[f"{name} {i}" for i, (name, _) in enumerate(_NEAR_MISSES)]
)
def test_a_likeness_is_not_given_the_name(name, made):
    assert name_of(made()) != name


def test_a_release_that_an_error_skips_is_told_from_the_source(tmp_path):
    assert name_of(clue(grown=[carelessly_closing(tmp_path)])) == "missing error handler"


def test_each_pattern_with_a_rule_has_an_example_here():
    shown = {name for name, _ in _RECOGNISED} | {"missing error handler"}

    assert shown == {pattern.name for pattern in PATTERNS}


def test_each_pattern_has_a_meaning_and_advice():
    for pattern in (*PATTERNS, NATIVE):
        assert pattern.meaning
        assert pattern.advice


def test_patterns_of_one_name_say_the_same():
    said = {(pattern.name, pattern.meaning, pattern.advice) for pattern in PATTERNS}

    assert len(said) == len({pattern.name for pattern in PATTERNS})


@pytest.mark.parametrize("container", [[], {}, set()], ids=["list", "dict", "set"])
def test_an_object_that_answers_with_errors_is_named_by_its_container(container):
    hostile = Hostile()
    seen = clue(example=hostile, container=container, chain=[Hostile()])

    assert name_of(seen) in {"global accumulation", "unbounded cache"}


def test_an_owner_that_answers_with_errors_is_no_error():
    assert recognise(clue(container=Hostile(), kid=Hostile())) is None


def test_an_odd_container_makes_no_pattern():
    assert recognise(clue(container=Thing())) is None
    assert recognise(clue(container=memoryview(b""))) is None


def test_the_more_particular_pattern_wins():
    assert name_of(clue("shop.sessions", ValueError("no"))) == "stored exception"
    assert name_of(clue("shop.listeners", capturing(1))) == "event listener"


@pytest.fixture
def page():
    if not _PAGE.is_file():
        pytest.skip("the documentation is not here")
    return _PAGE.read_text(encoding="utf-8")


def test_the_documentation_explains_each_pattern_in_the_order_of_the_rules(page):
    explained = re.findall(r"^## (.+)$", page, re.MULTILINE)

    assert explained == list(dict.fromkeys(pattern.name for pattern in (*PATTERNS, NATIVE)))


def test_the_forms_that_the_documentation_shows_can_be_defined(page):
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    assert len(blocks) == len(re.findall(r"^## ", page, re.MULTILINE))
    for block in blocks:
        shown = {}
        exec(compile(block, str(_PAGE), "exec"), shown)  # none is called: half of them leak
        assert {"leaks", "sound"} <= shown.keys()
