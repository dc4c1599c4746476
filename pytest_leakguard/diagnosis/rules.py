"""How is each leak pattern recognised? By objects, by the way to them, and by names.

One function for each pattern that takes more than a look; the table of patterns has the order in
which they are asked.
"""

from __future__ import annotations

import io
import re
import threading
import types
from _queue import SimpleQueue
from array import array
from collections import ChainMap, deque

from pytest_leakguard.diagnosis.clues import NEAR, Clue, is_of, loaded, words_in
from pytest_leakguard.diagnosis.naming import attributes_of

#: Where classes are that a rule asks for: a module that is not loaded has no instances.
_PROMISES = ("asyncio:Future", "concurrent.futures:Future")
EXECUTORS = ("concurrent.futures:Executor",)
_CHILDREN = ("subprocess:Popen", "multiprocessing.process:BaseProcess")
_TEMPORARIES = ("tempfile:TemporaryDirectory", "tempfile:_TemporaryFileWrapper")
_EXIT_STACKS = ("contextlib:ExitStack", "contextlib:AsyncExitStack")
_LOGGERS = ("logging:Filterer",)
_LOGGING = (*_LOGGERS, "logging:Filter")
LOOPS = ("asyncio:AbstractEventLoop",)
_MONKEYPATCHES = ("_pytest.monkeypatch:MonkeyPatch",)
_SCHEDULERS = ("sched:scheduler",)
#: Classes that are no files, and yet have a descriptor each.
DESCRIPTORS = ("socket:socket", "select:epoll", "select:kqueue")
_TIMERS = ("asyncio:TimerHandle",)
SEQUENCES = (
    *(list, set, deque, tuple, frozenset, bytearray, array),
    *(SimpleQueue, io.BytesIO, io.StringIO),
)
#: Words in names, in the singular and in lower case.
_LISTENERS = frozenset(
    {"listener", "handler", "callback", "sub", "subscriber", "subscription"}
    | {"observer", "hook", "receiver", "watcher"}
)
_LISTENING = frozenset({"subscribe", "listen", "observe", "watch"})
_LISTENING_NAMES = frozenset({"on", "once", "connect"})
_MOUNTING = frozenset({"mount", "mounted", "attach", "activate", "render"})
CONNECTIONS = frozenset({"connection", "conn", "client", "peer", "room", "websocket"})
_ACQUIRED = frozenset({"acquired", "lease", "leased", "resource"})
_PARENTS = ("parent", "_parent", "parent_node")
REGISTRIES = re.compile(
    r"(sys|os|gc|copyreg|zipimport|codecs|signal|warnings|mimetypes|site|importlib)(?=[.\[]|$)"
)
#: How far a ring of retained objects is followed, in steps.
_AROUND = 4


def is_patch(clue: Clue) -> bool:
    """Tell a patch that nobody has undone."""
    return clue.finding.holder.startswith("unittest.mock._patch") or clue.passes(
        loaded(_MONKEYPATCHES)
    )


def is_exception(clue: Clue) -> bool:
    """Tell a kept exception or traceback."""
    return is_of(clue.example, (BaseException, types.TracebackType))


def is_logging(clue: Clue) -> bool:
    """Tell a handler, a filter or a logger that was added."""
    return is_of(clue.example, loaded(_LOGGING)) or (
        clue.passes(loaded(_LOGGERS)) and clue.finding.holder.endswith((".handlers", ".filters"))
    )


def is_timer(clue: Clue) -> bool:
    """Tell something scheduled: a timer thread, a handle of a loop, an event of ``sched``."""
    return is_of(clue.example, (threading.Timer, *loaded(_TIMERS))) or clue.passes(
        loaded(_SCHEDULERS)
    )


def is_promise(clue: Clue) -> bool:
    """Tell a coroutine or a future."""
    kinds = (types.CoroutineType, types.AsyncGeneratorType, *loaded(_PROMISES))
    return is_of(clue.example, kinds)


def is_poller(clue: Clue) -> bool:
    """Tell a thread, or what has started one."""
    return clue.holds((threading.Thread,))


def is_child(clue: Clue) -> bool:
    """Tell the object of a child process."""
    return clue.holds(loaded(_CHILDREN))


def is_temporary(clue: Clue) -> bool:
    """Tell the object of a temporary file or directory."""
    return clue.holds(loaded(_TEMPORARIES))


def is_pool(clue: Clue) -> bool:
    """Tell by its names something taken from a pool."""
    words = clue.words()
    return "pool" in words or {"in", "use"} <= words or {"checked", "out"} <= words


def is_class_registry(clue: Clue) -> bool:
    """Tell a class that another class, or a dispatching function, keeps."""
    dispatchers = (obj for obj in clue.chain if is_of(obj, types.FunctionType))
    if any({"dispatch", "register"} <= vars(function).keys() for function in dispatchers):
        return True
    return is_of(clue.example, type) and clue.passes((type,))


def is_mounted(clue: Clue) -> bool:
    """Tell a listener that was added by what mounts a component."""
    return listens(clue) and bool(words_in(clue.functions()) & _MOUNTING)


def is_reconnect(clue: Clue) -> bool:
    """Tell a listener that was added by what reconnects."""
    return "reconnect" in words_in(clue.functions()) and (
        listens(clue) or is_of(clue.example, (types.FunctionType, types.MethodType))
    )


def listens(clue: Clue) -> bool:
    """Tell a listener by the names of container, type and functions."""
    words, functions = clue.own_words(), clue.functions()
    if words & _LISTENERS or words_in(functions) & _LISTENING:
        return True
    return bool(functions & _LISTENING_NAMES) and not words & CONNECTIONS


def is_request_log(clue: Clue) -> bool:
    """Tell by its names a log of requests."""
    words = clue.words()
    return "request" in words and (
        bool(words & {"middleware", "log", "logger", "logged", "history"})
        or "middleware" in clue.finding.holder.lower()
    )


def is_manager(clue: Clue) -> bool:
    """Tell what an exit stack or a manager of resources has acquired."""
    return clue.passes(loaded(_EXIT_STACKS)) or bool(clue.words() & _ACQUIRED)


def is_closure(clue: Clue) -> bool:
    """Tell a function with captured variables, or a variable that is captured."""
    if is_of(clue.container, dict):
        return False
    captures = is_of(clue.example, types.FunctionType) and bool(
        getattr(clue.example, "__closure__", None)
    )
    return captures or "<cell " in clue.finding.holder


def is_chain(clue: Clue) -> bool:
    """Tell a head that is replaced by one that refers to it."""
    if clue.passes((ChainMap,)) or is_of(clue.kid, ChainMap):
        return True
    return clue.replaced and clue.leads_to(lambda obj: type(obj) is type(clue.example), NEAR)


def is_detached(clue: Clue) -> bool:
    """Tell an element of a tree that has no parent."""
    attributes = attributes_of(clue.example) or {}
    return any(attributes.get(name, ...) is None for name in _PARENTS)


def is_ring(clue: Clue) -> bool:
    """Tell an object in a mapping that leads back to itself."""
    # A subtree that was taken out is a ring as well; what is put into a mapping is no leftover.
    return (
        is_of(clue.container, dict)
        and attributes_of(clue.example) is not None
        and clue.leads_to(lambda obj: obj is clue.example, _AROUND)
    )


def is_cache(clue: Clue) -> bool:
    """Tell a mapping that gains keys."""
    return is_of(clue.container, dict) and not clue.replaced
