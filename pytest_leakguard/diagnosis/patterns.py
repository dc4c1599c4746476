"""Which kind of leak is it, and how is it mended? A table of rules: the first that fits wins.

A rule looks at what was found: the objects themselves, the way to them, and the names that the code
gives to holders, types and functions. Where no rule fits, the pattern is ``unrecognised``.
"""

from __future__ import annotations

import contextvars
import functools
import io
import re
import sys
import threading
import types
import weakref
from array import array
from collections import ChainMap, deque
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from gc import get_referents
from typing import final

from pytest_leakguard.diagnosis.naming import attributes_of, is_a, slots_of
from pytest_leakguard.diagnosis.releases import skips_release
from pytest_leakguard.diagnosis.roots import CONTEXT
from pytest_leakguard.model import Finding

#: A key in a holder's name is data, not a name.
_KEY = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: Where classes are that a rule asks for: a module that is not loaded has no instances.
_PROMISES = ("asyncio:Future", "concurrent.futures:Future")
_EXECUTORS = ("concurrent.futures:Executor",)
_EXIT_STACKS = ("contextlib:ExitStack", "contextlib:AsyncExitStack")
_LOGGERS = ("logging:Filterer",)
_LOGGING = (*_LOGGERS, "logging:Filter")
_LOOPS = ("asyncio:AbstractEventLoop",)
_MONKEYPATCHES = ("_pytest.monkeypatch:MonkeyPatch",)
_SCHEDULERS = ("sched:scheduler",)
_SOCKETS = ("socket:socket",)
_TIMERS = ("asyncio:TimerHandle",)
_SEQUENCES = (list, set, deque, tuple, frozenset, bytearray, array)
#: Words in names, in the singular and in lower case.
_LISTENERS = frozenset(
    {"listener", "handler", "callback", "sub", "subscriber", "subscription"}
    | {"observer", "hook", "receiver", "watcher"}
)
_LISTENING = frozenset({"subscribe", "listen", "observe", "watch"})
_LISTENING_NAMES = frozenset({"on", "once", "connect"})
_MOUNTING = frozenset({"mount", "mounted", "attach", "activate", "render"})
_CONNECTIONS = frozenset({"connection", "conn", "client", "peer", "room", "websocket"})
_ACQUIRED = frozenset({"acquired", "lease", "leased", "resource"})
_PARENTS = ("parent", "_parent", "parent_node")
_REGISTRIES = re.compile(
    r"(sys|os|gc|copyreg|zipimport|codecs|signal|warnings|mimetypes|site|importlib)(?=[.\[]|$)"
)
#: Words up to this length keep their last letter.
_SHORT = 3
#: How far a retained object is followed, in steps: to what it has, and around a ring.
_NEAR, _FAR = 2, 4


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """What the rules look at.

    Attributes:
        finding: What is told of it, with the lines of allocation and growth.
        root: What the place is called from which the holder is reached.
        chain: The objects from the root to the holder, both included.
        example: One of the retained objects.
        kid: The one through which the holder keeps it; the example itself in most cases.
        replaced: A name is bound to a larger thing on every run, instead of a container that grows.
        retained: Identities of all new objects that the holder keeps.
    """

    finding: Finding
    root: str
    chain: Sequence[object]
    example: object
    kid: object
    replaced: bool
    retained: Container[int]

    @property
    def container(self) -> object:
        """Return what gets longer."""
        return self.kid if self.replaced else self.chain[-1]

    def words(self) -> set[str]:
        """Return the words in the names of holder, owners and type, in lower case."""
        name = _KEY.sub("", self.finding.holder)
        if name.startswith("fixture "):
            name = name.partition(".")[2]
        root = self.chain[0]
        if _is(root, types.ModuleType):  # it says where, not what
            name = name.removeprefix(str(getattr(root, "__name__", "")))
        kinds = [self.finding.type, *(step.type for step in self.finding.path[:-1])]
        return _words([name, *(kind.rpartition(".")[2] for kind in kinds)])

    def own_words(self) -> set[str]:
        """Return the words in the container's own name and in that of what it retains.

        What owns the container may be called anything: a client may have a history.
        """
        name = _KEY.sub("", self.finding.holder).rpartition(".")[2]
        return _words([name, self.finding.type.rpartition(".")[2]])

    def functions(self) -> set[str]:
        """Return the names of the functions that allocated, or made the holder grow."""
        frames = (*self.finding.grown, *self.finding.allocated)
        names = {frame.function.rpartition(".")[2] for frame in frames}
        return {name for name in names if not name.lower().startswith("test")}

    def holds(self, kinds: tuple[type, ...]) -> bool:
        """Tell whether the example is of one of these kinds, or refers to one close by."""
        if _is(self.example, kinds):
            return True
        return self.leads_to(lambda obj: _is(obj, kinds), _NEAR)

    def leads_to(self, wanted: Callable[[object], bool], far: int) -> bool:
        """Tell whether a wanted object is reached from the example through other retained ones.

        Args:
            wanted: Tells it.
            far: Steps from object to object, those through its attribute dictionary not counted.
        """
        seen = {id(self.example)}
        near = [self.example]
        for _ in range(far):
            following: list[object] = []
            for obj in near:
                for child in _parts(obj):
                    if id(child) not in self.retained:
                        continue
                    if wanted(child):
                        return True
                    if id(child) not in seen:
                        seen.add(id(child))
                        following.append(child)
            near = following
        return False

    def passes(self, kinds: tuple[type, ...]) -> bool:
        """Tell whether the way from the root to the holder leads through one of these kinds."""
        return any(_is(obj, kinds) for obj in self.chain)


def _parts(obj: object) -> list[object]:
    """Return the values of an object's attributes; of one without, what it refers to."""
    attributes = attributes_of(obj)
    values = [value for _, value in slots_of(obj)]
    if attributes is None and not values:
        return get_referents(obj)
    return [*values, *(attributes or {}).values()]


def _is(obj: object, kinds: type | tuple[type, ...]) -> bool:
    """Tell an object's kind, and leave the type checker's view of it alone."""
    return is_a(obj, kinds)


def _loaded(places: Iterable[str]) -> tuple[type, ...]:
    """Return the classes at such places as ``module:Class``, of modules that are loaded."""
    found = []
    for place in places:
        module, _, name = place.partition(":")
        if isinstance(kind := getattr(sys.modules.get(module), name, None), type):
            found.append(kind)
    return tuple(found)


def _words(names: Iterable[str]) -> set[str]:
    words = {word.lower() for name in names for word in _WORD.findall(name)}
    return {word.removesuffix("s") if len(word) > _SHORT else word for word in words}


def _is_patch(clue: Clue) -> bool:
    return clue.finding.holder.startswith("unittest.mock._patch") or clue.passes(
        _loaded(_MONKEYPATCHES)
    )


def _is_exception(clue: Clue) -> bool:
    return _is(clue.example, (BaseException, types.TracebackType))


def _is_logging(clue: Clue) -> bool:
    return _is(clue.example, _loaded(_LOGGING)) or (
        clue.passes(_loaded(_LOGGERS)) and clue.finding.holder.endswith((".handlers", ".filters"))
    )


def _is_timer(clue: Clue) -> bool:
    return _is(clue.example, (threading.Timer, *_loaded(_TIMERS))) or clue.passes(
        _loaded(_SCHEDULERS)
    )


def _is_promise(clue: Clue) -> bool:
    kinds = (types.CoroutineType, types.AsyncGeneratorType, *_loaded(_PROMISES))
    return _is(clue.example, kinds)


def _is_poller(clue: Clue) -> bool:
    return clue.holds((threading.Thread,))


def _is_pool(clue: Clue) -> bool:
    words = clue.words()
    return "pool" in words or {"in", "use"} <= words or {"checked", "out"} <= words


def _is_class_registry(clue: Clue) -> bool:
    dispatchers = (obj for obj in clue.chain if _is(obj, types.FunctionType))
    if any({"dispatch", "register"} <= vars(function).keys() for function in dispatchers):
        return True
    return _is(clue.example, type) and clue.passes((type,))


def _is_mounted(clue: Clue) -> bool:
    return _listens(clue) and bool(_words(clue.functions()) & _MOUNTING)


def _is_reconnect(clue: Clue) -> bool:
    return "reconnect" in _words(clue.functions()) and (
        _listens(clue) or _is(clue.example, (types.FunctionType, types.MethodType))
    )


def _listens(clue: Clue) -> bool:
    words, functions = clue.own_words(), clue.functions()
    if words & _LISTENERS or _words(functions) & _LISTENING:
        return True
    return bool(functions & _LISTENING_NAMES) and not words & _CONNECTIONS


def _is_request_log(clue: Clue) -> bool:
    words = clue.words()
    return "request" in words and (
        bool(words & {"middleware", "log", "logger", "logged", "history"})
        or "middleware" in clue.finding.holder.lower()
    )


def _is_manager(clue: Clue) -> bool:
    return clue.passes(_loaded(_EXIT_STACKS)) or bool(clue.words() & _ACQUIRED)


def _is_closure(clue: Clue) -> bool:
    if _is(clue.container, dict):
        return False
    captures = _is(clue.example, types.FunctionType) and bool(
        getattr(clue.example, "__closure__", None)
    )
    return captures or "<cell " in clue.finding.holder


def _is_chain(clue: Clue) -> bool:
    if clue.passes((ChainMap,)) or _is(clue.kid, ChainMap):
        return True
    return clue.replaced and clue.leads_to(lambda obj: type(obj) is type(clue.example), _NEAR)


def _is_detached(clue: Clue) -> bool:
    attributes = attributes_of(clue.example) or {}
    return any(attributes.get(name, ...) is None for name in _PARENTS)


def _is_ring(clue: Clue) -> bool:
    # A subtree that was taken out is a ring as well; what is put into a mapping is no leftover.
    return (
        _is(clue.container, dict)
        and attributes_of(clue.example) is not None
        and clue.leads_to(lambda obj: obj is clue.example, _FAR)
    )


def _is_cache(clue: Clue) -> bool:
    return _is(clue.container, dict) and not clue.replaced


@final
@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of leak.

    Attributes:
        name: What reports call it; the documentation has a section of this name.
        meaning: What happens on each run, in a clause.
        advice: How it is mended.
        fits: Whether what was found is of this kind; ``None`` for kinds that are told otherwise.
    """

    name: str
    meaning: str
    advice: str
    fits: Callable[[Clue], bool] | None = None


NATIVE = Pattern(
    "native memory",
    "taken by native code, and held by no Python object",
    "look for a malloc without its free, or a reference that is never given back, in the extension"
    " that the test calls",
)
STREAM = Pattern(
    "stream",
    "opened on every run, never closed",
    "close it in a with statement or in teardown, on the error path too",
    lambda clue: clue.holds((io.IOBase, *_loaded(_SOCKETS))),
)
POLLER = Pattern(
    "forgotten poller",
    "a thread started on every run, never stopped",
    "keep a handle, and stop and join the thread in teardown",
    _is_poller,
)

#: The most particular kinds first.
PATTERNS = (
    Pattern(
        "started patch",
        "patched on every run, never undone",
        "use the patch as a context manager, or stop it with addCleanup",
        _is_patch,
    ),
    Pattern(
        "stored exception",
        "kept with its traceback, and so with every local variable on the way",
        "keep the message, or drop the traceback: error.with_traceback(None)",
        _is_exception,
    ),
    Pattern(
        "logging handler",
        "added to a long-lived logger on every run, never removed",
        "configure logging once, or remove it on teardown",
        _is_logging,
    ),
    Pattern(
        "exit handler",
        "registered on every run, for a moment that is far off",
        "unregister it on teardown (atexit.unregister, finalize.detach), or register once",
        lambda clue: clue.finding.holder.startswith(("atexit", "weakref.finalize")),
    ),
    Pattern(
        "interpreter registry",
        "entered in a registry of the interpreter, which never forgets",
        "take it out again on teardown, or enter the same thing each time",
        lambda clue: _REGISTRIES.match(clue.finding.holder) is not None,
    ),
    Pattern(
        "weak mapping holds its key",
        "a value of a weak mapping refers to its own key, so that neither dies",
        "let the value refer to its key weakly, or store what it needs of it",
        lambda clue: clue.passes((weakref.WeakKeyDictionary, weakref.WeakValueDictionary)),
    ),
    Pattern(
        "context variable",
        "set in the main context on every run, never reset",
        "reset it with its token, or run in contextvars.copy_context()",
        lambda clue: (
            clue.root == CONTEXT
            or clue.passes((contextvars.ContextVar,))
            or clue.holds((contextvars.Token,))
            or _is(clue.kid, contextvars.Token)
        ),
    ),
    Pattern(
        "thread-local value",
        "kept for as long as its thread lives",
        "delete the attribute when the work is done, or pass the value instead",
        lambda clue: clue.passes((threading.local,)),
    ),
    Pattern(
        "mutable default argument",
        "kept by the default value of a parameter, which all calls share",
        "default to None and make the container inside",
        lambda clue: "<default " in clue.finding.holder,
    ),
    Pattern(
        "timer",
        "scheduled on every run, never cancelled",
        "keep the handle, and cancel it in teardown and on error paths",
        _is_timer,
    ),
    Pattern(
        "executor",
        "made on every run, never shut down",
        "use it in a with statement, or call shutdown() in teardown",
        lambda clue: clue.holds(_loaded(_EXECUTORS)),
    ),
    Pattern(
        "event loop",
        "made on every run, never closed",
        "use asyncio.run(), or close the loop in teardown",
        lambda clue: _is(clue.example, _loaded(_LOOPS)),
    ),
    Pattern(
        "pending promise",
        "awaited by nobody, or never done",
        "give it a timeout; cancel and await it",
        _is_promise,
    ),
    Pattern(
        "suspended generator",
        "never run to its end, so that its frame lives on",
        "exhaust it, or close it: contextlib.closing(generator)",
        lambda clue: _is(clue.example, types.GeneratorType) or clue.passes((types.GeneratorType,)),
    ),
    POLLER,
    Pattern(
        "pool checkout",
        "taken from the pool on every run, not given back",
        "release it in finally, or let the pool run the work",
        _is_pool,
    ),
    Pattern(
        "class registry",
        "a class made on every run is entered in a registry",
        "let the registry refer weakly, or make the class once",
        _is_class_registry,
    ),
    Pattern(
        "run-time class",
        "a class made on every run is kept, with its ten or so objects",
        "make the class once, or do not keep it",
        lambda clue: _is(clue.example, type),
    ),
    Pattern(
        "resource manager",
        "acquired on every run, not released",
        "release it in finally, or close the manager in teardown",
        _is_manager,
    ),
    Pattern(
        "missing error handler",
        "released on the good path only: an exception skips it",
        "release it in finally, or in a with statement",
        lambda clue: skips_release((*clue.finding.grown, *clue.finding.allocated)),
    ),
    Pattern(
        "reconnect listeners",
        "one more listener after each reconnect",
        "remove it on disconnect, or bind it once",
        _is_reconnect,
    ),
    Pattern(
        "subscription",
        "subscribed on mount, never unsubscribed",
        "unsubscribe where the component is taken down",
        _is_mounted,
    ),
    Pattern(
        "event listener",
        "subscribed on every run, never unsubscribed",
        "keep the handler and remove it on teardown; use once or weak references",
        _listens,
    ),
    Pattern(
        "session store",
        "a session is stored on every run, and never expires",
        "give it a time to live and a maximum, or use an external store",
        lambda clue: "session" in clue.own_words(),
    ),
    Pattern(
        "request log in middleware",
        "every request is kept",
        "bound it; log less",
        _is_request_log,
    ),
    Pattern(
        "connection registry",
        "registered on connect, never taken out",
        "remove it on close and on error",
        lambda clue: bool(clue.own_words() & _CONNECTIONS),
    ),
    STREAM,
    Pattern(
        "closure",
        "a stored function keeps what it captures",
        "extract the needed value before the closure, and do not store the function",
        _is_closure,
    ),
    Pattern(
        "circular reference",
        "a cycle is kept by a long-lived holder",
        "make one side weak, or break the link",
        _is_ring,
    ),
    Pattern(
        "growing chain",
        "each run puts one more link before the last",
        "cut the chain: drop the reference to what came before",
        _is_chain,
    ),
    Pattern(
        "detached structure",
        "taken out of its tree, but kept beside it",
        "refer to it weakly, or drop it on removal",
        _is_detached,
    ),
    Pattern(
        "unbounded cache",
        "a fresh key on every run, and nothing is ever dropped",
        "bound it (LRU, TTL), or use weak keys",
        lambda clue: clue.passes((functools._lru_cache_wrapper,)),
    ),
    Pattern(
        "unbounded cache",
        "a fresh key on every run, and nothing is ever dropped",
        "bound it (LRU, TTL), or use weak keys",
        _is_cache,
    ),
    Pattern(
        "global accumulation",
        "added to a long-lived container on every run",
        "scope it to the run, empty it on teardown, or bound it",
        lambda clue: clue.replaced or _is(clue.container, _SEQUENCES),
    ),
)


def recognise(clue: Clue) -> Pattern | None:
    """Return the first pattern that fits; ``None`` where none does, which is no error."""
    for pattern in PATTERNS:
        # User objects may answer an attribute with any error.
        with suppress(Exception):
            if pattern.fits is not None and pattern.fits(clue):
                return pattern
    return None
