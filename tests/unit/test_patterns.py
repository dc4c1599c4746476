"""Is each kind of leak given its name, and a likeness not? On real objects, without a leak."""

from __future__ import annotations

import asyncio
import codecs
import concurrent.futures.thread
import contextvars
import copyreg
import functools
import gc
import io
import itertools
import linecache
import logging
import os
import re
import sched
import sqlite3
import subprocess
import sys
import tempfile
import threading
import tracemalloc
import types
import weakref
from collections import ChainMap, Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import pool
from pathlib import Path
from xml.dom import minidom
from xml.etree import ElementTree as ET

import pytest

from pytest_leakguard.diagnosis.census import Births
from pytest_leakguard.diagnosis.clues import Clue
from pytest_leakguard.diagnosis.findings import Runs, loose_finding
from pytest_leakguard.diagnosis.naming import type_name
from pytest_leakguard.diagnosis.patterns import NATIVE, PATTERNS, REFERENCE, recognise
from pytest_leakguard.identity import identity_of
from pytest_leakguard.model import Finding, Frame, Step

_PAGES = Path(__file__).parents[2] / "docs" / "reference" / "patterns"


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


class Notified:
    """An observer that has a method for it."""

    def notify(self):
        """Stand for what an observer does."""


class Cursors:
    """What a connection to a database can do."""

    def cursor(self):
        """Stand for a query."""

    def commit(self):
        """Stand for a transaction."""

    def close(self):
        """Stand for the end."""


class Descriptor:
    """What has a descriptor to close, and is of no known class."""

    def fileno(self):
        """Stand for the descriptor."""

    def close(self):
        """Stand for the end."""


class ChannelPool:
    """An owner whose name is a clue."""


DatabasePool = type("DatabasePool", (), {})
PoolChannel = type("PoolChannel", (), {})
InPoolModule = type("Till", (), {"__module__": "shop.pool"})


class Counted(type):
    """A metaclass, to keep the instances of its classes."""


class Article(metaclass=Counted):
    """What its own class may keep."""


class Middleware:
    """Is called by a server."""

    def __init__(self, app):
        self.app = app

    def __call__(self, request):
        """Stand for the next application."""


class Server:
    """Is called by a server, by another protocol."""

    async def __call__(self, scope, receive, send):
        """Stand for an application."""


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
    root="shop",
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
        root=root,
        chain=[*chain, container],
        example=example,
        kid=example if kid is None else kid,
        replaced=replaced,
        retained={identity_of(obj) for obj in (example, *retained, *own)},
    )


def name_of(clue):
    pattern = recognise(clue)
    return pattern and pattern.name


def serving(environ, start_response):
    """Stand for an application."""


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


def chained(links):
    """Return a thing that leads to another, and so on, so many times."""
    made = [Thing()]
    for _ in range(links):
        made.append(has(before=made[-1]))
    return {"example": made[-1], "retained": made, "replaced": True}


def wrapped(times):
    """Return a function around another one, and so on, so many times."""
    made = [print_]
    for _ in range(times):
        made.append(capturing(made[-1]))
    return {"example": made[-1], "retained": made, "replaced": True}


def iterated(times):
    """Return an iterator over another one and one more value, so many times."""
    made = [iter(())]
    for _ in range(times):
        made.append(itertools.chain(made[-1], [1]))
    around = [part for link in made for part in gc.get_referents(link)]
    parts = [part for one in around for part in gc.get_referents(one)]
    return {"example": made[-1], "retained": [*made, *around, *parts], "replaced": True}


def heavy(make):
    """Return a function that keeps 64 KiB, by way of what makes it of them."""
    page = bytearray(2**16)
    example = make(page)
    cells = getattr(example, "__closure__", None) or ()
    return {"example": example, "retained": (page, *cells)}


def defaulting(page):
    return lambda page=page: page


def keyword_defaulting(page):
    return lambda *, page=page: page


def closed_database():
    """A connection that warns of nothing when it is dropped."""
    connection = sqlite3.connect(":memory:")
    connection.close()
    return connection


class OpenLoop(asyncio.AbstractEventLoop):
    _closed = False


LASTING = Thing()


def in_weak_keys(key, value):
    """Return the clue to a value of a mapping with weak keys."""
    mapping = weakref.WeakKeyDictionary({key: value})
    return clue(example=value, chain=[mapping], container=mapping.data, retained=(key,))


def in_weak_keys_by_reference(key, value):
    """Return the clue to the weak reference that such a mapping has for a key."""
    mapping = weakref.WeakKeyDictionary({key: value})
    reference = next(iter(mapping.data))
    return clue(example=reference, chain=[mapping], container=mapping.data, retained=(key, value))


def in_weak_values():
    """Return the clue to a key that refers to its value, in a mapping with weak values."""
    value = Thing()
    key = has(value=value)
    mapping = weakref.WeakValueDictionary({key: value})
    return clue(example=key, chain=[mapping], container=mapping.data, retained=(value,))


def closed_loop():
    loop = asyncio.new_event_loop()
    loop.close()
    return loop


def handle(callback):
    loop = closed_loop()
    return asyncio.TimerHandle(1, callback, (), loop)


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
    ("interpreter registry", lambda: clue("sys.path", "plugins", chain=[sys, vars(sys)])),
    (
        "interpreter registry",
        lambda: clue("linecache.cache", chain=[linecache], container={}),
    ),
    (
        "interpreter registry",
        lambda: clue("os.environ", b"tea", chain=[os, vars(os), os.environ], container={}),
    ),
    ("interpreter registry", lambda: clue("codecs", print_, root="codecs")),
    (
        "interpreter registry",
        lambda: clue("copyreg.dispatch_table", print_, chain=[copyreg], container={}),
    ),
    (
        "weak mapping holds its key",
        lambda: in_weak_keys(key := Thing(), has(owner=key)),
    ),
    (
        "weak mapping holds its key",
        lambda: in_weak_keys_by_reference(key := Thing(), has(owner=key)),
    ),
    (
        "unbounded cache",
        lambda: in_weak_keys(LASTING, Thing()),
    ),
    (
        "weak mapping holds its key",
        in_weak_values,
    ),
    ("context variable", lambda: clue(example=token())),
    ("context variable", lambda: clue(example=has(token=token()))),
    ("context variable", lambda: clue(chain=[contextvars.ContextVar("variable")])),
    ("thread-local value", lambda: clue(chain=[threading.local()])),
    ("mutable default argument", lambda: clue("shop.buy.<default basket>")),
    ("timer", lambda: clue(example=threading.Timer(1, print))),
    ("timer", lambda: clue("shop.scheduler._queue", chain=[sched.scheduler()])),
    ("timer", lambda: clue("shop.wheel.timers", (1.5, print_))),
    ("timer", lambda: clue("shop.wheel.all", has(at=1, call=print_), grown=["Wheel.call_later"])),
    ("timer", lambda: clue(example=handle(print_))),
    ("executor", lambda: clue(example=shut_down())),
    ("executor", lambda: clue(example=has(executor=shut_down()))),
    ("executor", lambda: clue(example=threading.Thread(target=concurrent.futures.thread._worker))),
    ("event loop", lambda: clue(example=OpenLoop())),
    ("global accumulation", lambda: clue(example=closed_loop())),
    ("pending promise", lambda: clue(example=Future())),
    ("pending promise", lambda: clue(example=coroutine())),
    ("pending promise", lambda: clue(example=object.__new__(pool.ApplyResult))),
    (
        "pending promise",
        lambda: clue(example=handle(asyncio.futures._set_result_unless_cancelled)),
    ),
    ("suspended generator", lambda: clue(example=numbers())),
    ("suspended generator", lambda: clue(chain=[numbers()])),
    ("forgotten poller", lambda: clue(example=threading.Thread(target=print))),
    ("forgotten poller", lambda: clue(example=has(poller=threading.Thread()))),
    ("pool checkout", lambda: clue("shop.POOL._free")),
    ("pool checkout", lambda: clue("shop.kept", ["channel"], path=[ChannelPool()])),
    ("pool checkout", lambda: clue("shop.databases", Cursors())),
    ("pool checkout", lambda: clue("shop.units", closed_database())),
    ("pool checkout", lambda: clue("shop.units", has(checked=PoolChannel()))),
    ("pool checkout", lambda: clue("shop.Channels.in_use")),
    ("pool checkout", lambda: clue("shop.Channels.checkedOut", container=set())),
    ("class registry", lambda: clue("shop.Format.known", type("Csv", (), {}), chain=[Thing])),
    (
        "class registry",
        lambda: clue("shop.show.registry", container={}, chain=[functools.singledispatch(print)]),
    ),
    (
        "class registry",
        lambda: clue("shop.Thing.all", has(name="tea"), chain=[Thing, vars(Thing)]),
    ),
    ("class registry", lambda: clue("shop.Counted.all", Article(), chain=[Counted], container={})),
    ("run-time class", lambda: clue(example=type("Row", (), {}))),
    ("resource manager", lambda: clue("shop.desk.acquired", container=set())),
    ("resource manager", lambda: clue("shop.desk.leases['tea']", container={})),
    ("resource manager", lambda: clue(chain=[ExitStack()], container=deque())),
    ("reconnect listeners", lambda: clue("shop.bus.listeners", print_, grown=["W.reconnect"])),
    ("reconnect listeners", lambda: clue("shop.wire.bound", print_, grown=["on_reconnect"])),
    ("subscription", lambda: clue("shop.prices.observers", print_, grown=["Ticker.mount"])),
    ("subscription", lambda: clue(example=print_, grown=["Prices.subscribe", "Ticker.on_attach"])),
    ("event listener", lambda: clue("shop.bus._listeners['tea']", print_)),
    ("event listener", lambda: clue("shop.bus._listeners['tea']", (1, print_))),
    ("event listener", lambda: clue("shop.bus.listeners", functools.partial(print, 1))),
    ("event listener", lambda: clue("shop.bus.listeners", weakref.WeakMethod(Notified().notify))),
    ("event listener", lambda: clue("shop.bus.callbacks", has(call=print_), container={})),
    ("event listener", lambda: clue("shop.bus.observers", Notified())),
    ("event listener", lambda: clue("shop.bus.all", Notified(), grown=["Bus.subscribe"])),
    ("event listener", lambda: clue("shop.bus.all", print_, grown=["EventHandlers.subscribe"])),
    ("event listener", lambda: clue(example=print_, grown=["Bus.on"])),
    ("event listener", lambda: clue(example=print_, grown=["watch_prices"])),
    ("event listener", lambda: clue(example=print_, grown=["Bus.addEventListener"], container={})),
    ("event listener", lambda: clue(example=print_, grown=["register_price"], container={})),
    ("session store", lambda: clue("shop.SESSIONS", container={})),
    ("session store", lambda: clue("shop.store.entries", Session(), container={})),
    ("request log in middleware", lambda: clue("shop.app.requests", path=[LoggingMiddleware()])),
    ("request log in middleware", lambda: clue("shop.request_log")),
    (
        "request log in middleware",
        lambda: clue("shop.seen", {"REQUEST_METHOD": "GET", "PATH_INFO": "/tea"}),
    ),
    ("request log in middleware", lambda: clue("shop.seen", ("/", {"type": "http", "path": "/"}))),
    ("request log in middleware", lambda: clue("shop.all.seen", "/", chain=[Middleware(print_)])),
    ("request log in middleware", lambda: clue("shop.all.seen", "/", chain=[Middleware])),
    ("request log in middleware", lambda: clue("shop.all.seen", "/", chain=[Server()])),
    ("request log in middleware", lambda: clue("shop.all.<cell seen>", "/", chain=[serving])),
    ("connection registry", lambda: clue("shop.server.clients", container={})),
    ("connection registry", lambda: clue("shop.server.all", Connection(), container=set())),
    ("connection registry", lambda: clue("shop.rooms['tea']", grown=["Server.connect"])),
    ("connection registry", lambda: clue("shop.peers", ["anna"], grown=["Server.connect"])),
    (
        "connection registry",
        lambda: clue("shop.by_tenant", sqlite3.connect(":memory:"), container={}),
    ),
    ("connection registry", lambda: clue("shop.here", Thing(), grown=["Lobby.on_connect"])),
    ("stream", lambda: clue(example=io.StringIO())),
    ("stream", lambda: clue(example=has(file=io.StringIO()))),
    ("stream", lambda: clue("shop.watchers", Descriptor(), grown=["Feed.connect"])),
    ("stream", lambda: clue(example=has(cursors=Cursors()))),
    ("child process", lambda: clue(example=has(process=object.__new__(subprocess.Popen)))),
    ("temporary file", lambda: clue(example=object.__new__(tempfile.TemporaryDirectory))),
    ("closure", lambda: clue("shop.later", capturing(1))),
    ("closure", lambda: clue("shop.add.<cell seen>")),
    ("closure", lambda: clue("shop.callbacks", **heavy(capturing))),
    ("closure", lambda: clue("shop.later", **heavy(defaulting))),
    ("closure", lambda: clue("shop.later", **heavy(keyword_defaulting))),
    ("closure", lambda: clue("shop.later", **heavy(lambda page: functools.partial(len, page)))),
    ("closure", lambda: clue("shop.later", container={}, **heavy(capturing))),
    ("circular reference", lambda: clue("shop.trees", **in_cycle())),
    ("growing chain", lambda: clue(chain=[ChainMap()], container={})),
    ("growing chain", lambda: clue("shop.last", **chained(3))),
    ("growing chain", lambda: clue("shop.greet", **wrapped(4))),
    ("growing chain", lambda: clue("shop.pipeline", **iterated(4))),
    ("growing chain", lambda: clue("sys.excepthook", chain=[sys], **wrapped(4))),
    ("detached structure", lambda: clue(example=has(parent=None))),
    ("detached structure", lambda: clue(example=has(_parent=None), container=set())),
    ("detached structure", lambda: clue(example=minidom.Document().createElement("page"))),
    ("detached structure", lambda: clue(example=ET.Element("page"), container={})),
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
    # What nobody can call is no listener, whatever the names are.
    ("event listener", lambda: clue("shop.subs", {"name": "tea"})),
    ("event listener", lambda: clue("shop.handlers", Thing())),
    ("event listener", lambda: clue("shop.rows", [1], grown=["Feed.connect"])),
    ("event listener", lambda: clue("shop.watchers", Descriptor())),
    # Plain data is not taken from a pool, and a pool is not taken from itself.
    ("pool checkout", lambda: clue("shop.pools", {"swimming": 1})),
    ("pool checkout", lambda: clue("shop.kept", has(channels=DatabasePool()))),
    ("pool checkout", lambda: clue("shop.kept", InPoolModule())),
    ("event listener", lambda: clue("shop.routes", print_, grown=["register"], container={})),
    ("connection registry", lambda: clue("shop.rooms", {"double": 1})),
    # A time without a function, and a function without a time.
    ("timer", lambda: clue("shop.timers", (1.5, "tea"))),
    ("timer", lambda: clue("shop.timers", [print_])),
    ("timer", lambda: clue("shop.later", capturing(1))),
    # What a function captures is little, or not what is kept.
    ("closure", lambda: clue("shop.listeners", capturing([1]))),
    ("closure", lambda: clue("shop.answers", functools.partial(len, bytearray(2**16)))),
    # Fewer links than runs, and links that are not of one chain.
    ("growing chain", lambda: clue("shop.last", **chained(2))),
    ("growing chain", lambda: clue("shop.last", **{**chained(4), "replaced": False})),
    # A cache of a middleware, and of a class.
    (
        "request log in middleware",
        lambda: clue("shop.all.answers", "/", chain=[Middleware(print_)], container={}),
    ),
    ("class registry", lambda: clue("shop.Thing._cache", chain=[Thing], container={})),
    # A user's object on the way, or a user's module.
    ("interpreter registry", lambda: clue("logging.seen", chain=[logging, Thing()])),
    ("interpreter registry", lambda: clue("shop.seen", chain=[types.ModuleType("shop")])),
    # A child that stays in the tree that grows.
    (
        "detached structure",
        lambda: clue(example=ET.Element("item"), container=ET.Element("page")),
    ),
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


def test_what_a_pool_of_a_library_gives_out_is_told_by_its_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "database.pool", types.ModuleType("database.pool"))
    proxy = type("Proxy", (), {"__module__": "database.pool"})()

    assert name_of(clue("shop.kept", proxy)) == "pool checkout"
    assert name_of(clue("shop.kept", has(proxy=proxy))) == "pool checkout"


def test_most_of_what_is_kept_may_hang_on_one_captured_variable():
    kept = clue(**heavy(capturing)).heaviest_capture()

    assert kept is not None
    assert kept.name == "cell `captured`"
    assert kept.weight_bytes > 2**16


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (defaulting, "default `page`"),
        (keyword_defaulting, "default `page`"),
        (lambda page: functools.partial(len, page), "argument 0"),
        (lambda page: functools.partial(print, end=page), "argument `end`"),
    ],
    ids=["default", "keyword", "positional argument", "keyword argument"],
)
def test_what_a_function_keeps_is_called_as_in_the_function(make, name):
    kept = clue(**heavy(make)).heaviest_capture()

    assert kept is not None
    assert kept.name == name


def test_a_variable_without_a_value_is_not_captured():
    def early():
        return late

    assert clue(example=early).heaviest_capture() is None
    late = 1
    assert early() == late


@pytest.fixture
def traced():
    """Have tracemalloc know what is allocated."""
    if tracemalloc.is_tracing():
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def loose(leaked):
    """Return what is told of an object that is reached from no root."""
    births = Births()
    births.runs[identity_of(leaked)] = 1
    sources = types.SimpleNamespace(allocation=lambda _: ())
    runs = Runs(between=1, last=1, births=births, sources=sources)
    return loose_finding(Counter({type_name(leaked): 1}), [leaked], runs)


@pytest.mark.usefixtures("traced")
def test_a_registry_without_a_name_is_told_from_a_reference_of_native_code():
    def replacing(error):
        return "", error.end

    codecs.register_error("leakguard.replacing", replacing)

    assert loose(replacing).pattern == "interpreter registry"


@pytest.mark.usefixtures("traced")
def test_no_malloc_is_looked_for_where_a_python_object_leaks():
    finding = loose([1])

    assert finding.pattern == "native memory"
    assert "Py_DECREF" in finding.advice
    assert "malloc" not in finding.advice


def _page(name):
    finding = Finding(type="list", objects_per_run=1, bytes_per_run=56, holder="shop.BASKETS")
    path = Path("docs", f"{finding.with_pattern(name, '', '').page}.md")
    if not _PAGES.is_dir():
        pytest.skip("the documentation is not here")
    return (_PAGES.parents[2] / path).read_text(encoding="utf-8")


def test_the_documentation_lists_the_patterns_in_the_order_of_the_rules():
    if not _PAGES.is_dir():
        pytest.skip("the documentation is not here")
    listed = re.findall(r"^\| \[(.+)\]\(", (_PAGES / "index.md").read_text("utf-8"), re.MULTILINE)

    assert listed == list(dict.fromkeys(pattern.name for pattern in (*PATTERNS, NATIVE)))


@pytest.mark.parametrize("pattern", [*PATTERNS, REFERENCE], ids=lambda pattern: pattern.name)
def test_the_page_of_a_pattern_shows_the_report_on_its_leaking_form(pattern):
    page = _page(pattern.name)

    assert page.startswith(f"# {pattern.name}\n")
    assert f" pattern    {pattern.name}: {pattern.meaning}\n" in page
    assert f"     fix        {pattern.advice}\n" in page


@pytest.mark.parametrize("pattern", [*PATTERNS, REFERENCE], ids=lambda pattern: pattern.name)
def test_the_forms_that_the_page_of_a_pattern_shows_can_be_defined(pattern):
    (block,) = re.findall(r"^```python\n(.*?)^```$", _page(pattern.name), re.MULTILINE | re.DOTALL)
    shown = {}

    exec(compile(block, "page", "exec"), shown)  # none is called: half of them leak

    assert {"leaks", "sound"} <= shown.keys()
