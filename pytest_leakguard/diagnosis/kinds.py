"""How is each leak pattern recognised by objects? By their classes, and by how they refer.

One function for each pattern that takes more than a look; the table of patterns has the order in
which they are asked.
"""

from __future__ import annotations

import functools
import io
import operator
import sys
import threading
import types
import weakref
from _queue import SimpleQueue
from array import array
from collections import ChainMap, deque
from collections.abc import Iterator
from dataclasses import replace

from pytest_leakguard.diagnosis.clues import (
    Clue,
    has_methods,
    is_of,
    loaded,
    parts_of,
    words_in,
)
from pytest_leakguard.diagnosis.naming import attributes_of, class_name, is_a, slots_of, type_name
from pytest_leakguard.diagnosis.registries import AUDIT_HOOKS, CODECS, FORK_HOOKS, SIGNALS
from pytest_leakguard.ownership import is_library

#: Where classes are that a rule asks for: a module that is not loaded has no instances.
_PROMISES = ("asyncio:Future", "concurrent.futures:Future", "multiprocessing.pool:ApplyResult")
_EXECUTORS = ("concurrent.futures:Executor", "multiprocessing.pool:Pool")
#: Modules whose threads belong to an executor.
_WORKERS = ("concurrent.futures.thread", "multiprocessing.pool")
_CHILDREN = ("subprocess:Popen", "multiprocessing.process:BaseProcess")
_TEMPORARIES = ("tempfile:TemporaryDirectory", "tempfile:_TemporaryFileWrapper")
_LOGGERS = ("logging:Filterer",)
_LOGGING = (*_LOGGERS, "logging:Filter")
LOOPS = ("asyncio:AbstractEventLoop",)
_MONKEYPATCHES = ("_pytest.monkeypatch:MonkeyPatch",)
_SCHEDULERS = ("sched:scheduler",)
_TIMER_HANDLES = ("asyncio:TimerHandle",)
_ELEMENTS = ("xml.etree.ElementTree:Element",)
#: Classes that are no files, and yet have a descriptor each.
DESCRIPTORS = ("socket:socket", "select:epoll", "select:kqueue")
#: What a handle of a loop calls to wake a coroutine.
_WAKING = (
    "asyncio.futures._set_result_unless_cancelled",
    "asyncio.tasks._release_waiter",
    "asyncio.timeouts._on_timeout",
)
_WEAK_MAPPINGS = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary)
#: What all classes of streams can do, and all of connections to a database (PEP 249).
_STREAM = ("fileno", "close")
_CONNECTION = ("cursor", "commit", "close")
SEQUENCES = (
    *(list, set, deque, tuple, frozenset, bytearray, array),
    *(SimpleQueue, io.BytesIO, io.StringIO),
)
FUNCTIONS = (
    *(types.FunctionType, types.MethodType, types.BuiltinFunctionType),
    *(functools.partial, weakref.ref),
)
_TIMING = frozenset(
    {"timer", "timeout", "alarm", "schedule", "scheduled", "scheduler", "later", "deadline"}
    | {"reminder", "delay", "delayed"}
)
CACHES = frozenset({"cache", "cached", "memo", "interned"})
_PARENTS = ("parent", "_parent", "parent_node", "parentNode")
#: How far a ring of retained objects is followed, in steps.
_AROUND = 4
#: From one link of a chain to the next: an iterator is wrapped by others of other types.
_LINK = 6
#: Links of a chain: less may be a value made of parts of its own type.
_LINKS = 3


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


def is_interpreters(clue: Clue) -> bool:
    """Tell a container that the interpreter or its standard library keeps for itself."""
    if clue.root in {AUDIT_HOOKS, CODECS, FORK_HOOKS, SIGNALS}:
        return True
    root = clue.chain[0]
    return (
        is_of(root, types.ModuleType)
        and _is_standard(f"{vars(root).get('__name__')}.")
        and all(_is_standard(_defined_in(owner)) for owner in clue.chain[1:])
        and not is_chain(clue)
    )


def _is_standard(name: str) -> bool:
    """Tell whether a dotted name is in the standard library; a bare one is of builtins."""
    return "." not in name or name.partition(".")[0] in sys.stdlib_module_names


def _defined_in(owner: object) -> str:
    """Return the dotted name of a function or a class, and of anything else that of its class."""
    if is_a(owner, types.MethodType):
        owner = owner.__func__
    if is_a(owner, types.FunctionType):
        return f"{owner.__globals__.get('__name__')}.{owner.__name__}"
    return class_name(owner) if is_a(owner, type) else type_name(owner)


def is_timer(clue: Clue) -> bool:
    """Tell something scheduled: a timer thread, a handle of a loop, an event of ``sched``.

    Or what an application schedules by itself: a function and a time, where names speak of it.
    """
    if is_of(clue.example, loaded(_TIMER_HANDLES)):
        return not _is_waiting(clue)
    if is_of(clue.example, threading.Timer) or clue.passes(loaded(_SCHEDULERS)):
        return True
    words = clue.own_words() | words_in(clue.functions())
    return bool(words & _TIMING) and clue.is_near(_is_scheduled)


def _is_scheduled(obj: object) -> bool:
    """Tell what has a function and a number beside it, which may be a time."""
    if is_of(obj, FUNCTIONS):
        return False
    kinds = {type(part) for part in parts_of(obj)}
    return not kinds.isdisjoint((int, float)) and any(issubclass(kind, FUNCTIONS) for kind in kinds)


def _is_waiting(clue: Clue) -> bool:
    """Tell a handle of a loop that wakes a coroutine: ``asyncio.sleep`` and its like made it."""
    if not is_of(clue.example, loaded(_TIMER_HANDLES)):
        return False
    callback = dict(slots_of(clue.example)).get("_callback")
    return _defined_in(callback) in _WAKING


def is_executor(clue: Clue) -> bool:
    """Tell an executor, or a thread that waits for the work of one."""
    if clue.holds(loaded(_EXECUTORS)):
        return True
    target = (attributes_of(clue.example) or {}).get("_target")
    return is_of(clue.example, threading.Thread) and _defined_in(target).startswith(_WORKERS)


def is_promise(clue: Clue) -> bool:
    """Tell a coroutine or a future, or what wakes one."""
    kinds = (types.CoroutineType, types.AsyncGeneratorType, *loaded(_PROMISES))
    return is_of(clue.example, kinds) or _is_waiting(clue)


def is_poller(clue: Clue) -> bool:
    """Tell a thread, or what has started one."""
    return clue.holds((threading.Thread,))


def is_open_loop(clue: Clue) -> bool:
    """Tell an event loop that is still open; a closed one is only referred to by something else."""
    kinds = loaded(LOOPS)

    def is_open(obj: object) -> bool:
        return is_of(obj, kinds) and (attributes_of(obj) or {}).get("_closed") is not True

    return is_open(clue.example) or clue.leads_to(is_open)


def holds_its_key(clue: Clue) -> bool:
    """Tell an entry of a weak mapping whose value leads to the key, or whose key to the value."""
    return any(
        replace(clue, example=strong).leads_to(functools.partial(operator.is_, weak), _AROUND)
        for mapping in clue.chain
        if is_of(mapping, _WEAK_MAPPINGS)
        for strong, weak in _ends_of_entries(mapping, clue.example)
    )


def _ends_of_entries(mapping: object, part: object) -> Iterator[tuple[object, object]]:
    """Yield the strong and the weak end of the entries that something is a part of."""
    for entry in list(getattr(mapping, "data", {}).items()):
        if any(end is part for end in entry):
            for reference, strong in (entry, entry[::-1]):
                if is_a(reference, weakref.ref):
                    yield strong, reference()


def is_child(clue: Clue) -> bool:
    """Tell the object of a child process."""
    return clue.holds(loaded(_CHILDREN))


def is_temporary(clue: Clue) -> bool:
    """Tell the object of a temporary file or directory."""
    return clue.holds(loaded(_TEMPORARIES))


def is_stream(clue: Clue) -> bool:
    """Tell an open file, a socket, or what else has a descriptor to close."""
    return _is_stream(clue.example)


def has_stream(clue: Clue) -> bool:
    """Tell what has a stream or a connection to a database close by."""
    return clue.leads_to(lambda obj: _is_stream(obj) or has_methods(obj, *_CONNECTION))


def _is_stream(obj: object) -> bool:
    return is_of(obj, io.IOBase) or has_methods(obj, *_STREAM)


def is_pool(clue: Clue) -> bool:
    """Tell something taken from a pool: by its class, or by the names of what keeps it."""
    if has_methods(clue.example, *_CONNECTION):  # who keeps them by a key has a registry
        return not is_of(clue.container, dict)
    if clue.leads_to(_is_pooled, 1):
        return True
    words = clue.words()
    if {"in", "use"} <= words or {"checked", "out"} <= words:
        return True
    return "pool" in words and ("pool" in clue.owner_words() or is_instance(clue.example))


def _is_pooled(obj: object) -> bool:
    """Tell what a pool gives out by its class, or by its module in a library; not the pool itself.

    All that the user's own module of that name defines is no evidence: it has more than a pool.
    """
    module, _, name = type_name(obj).rpartition(".")
    named = [name, *module.split(".")] if is_library(sys.modules.get(module)) else [name]
    return (
        "pool" in words_in(named)
        and not name.lower().endswith("pool")
        and not _is_standard(f"{module}.")
    )


def is_instance(obj: object) -> bool:
    """Tell an object of a class from plain data."""
    return "." in type_name(obj)


def is_class_registry(clue: Clue) -> bool:
    """Tell a class that another class, or a dispatching function, keeps."""
    dispatchers = (obj for obj in clue.chain if is_of(obj, types.FunctionType))
    if any({"dispatch", "register"} <= vars(function).keys() for function in dispatchers):
        return True
    return is_of(clue.example, type) and clue.passes((type,))


def is_instance_registry(clue: Clue) -> bool:
    """Tell an object that its own class or metaclass keeps, and not to find it again by a key."""
    kind = type(clue.example)
    classes = [cls for cls in (*kind.__mro__, *type(kind).__mro__) if cls not in (object, type)]
    return any(obj is cls for obj in clue.chain for cls in classes) and not (
        is_of(clue.container, dict) and clue.own_words() & CACHES
    )


def is_closure(clue: Clue) -> bool:
    """Tell a function with captured variables, or a variable that is captured.

    In a mapping, what a function captures has to be most of what is kept.
    """
    if clue.heaviest_capture() is not None:
        return True
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
    return clue.replaced and clue.chain_length(_LINK, _LINKS) == _LINKS


def is_detached(clue: Clue) -> bool:
    """Tell an element of a tree that has no parent, or one that is kept beside its tree."""
    elements = loaded(_ELEMENTS)
    if is_of(clue.example, elements):
        return not is_of(clue.container, elements)
    attributes = {**(attributes_of(clue.example) or {}), **dict(slots_of(clue.example))}
    return any(attributes.get(name, ...) is None for name in _PARENTS)


def is_ring(clue: Clue) -> bool:
    """Tell an object in a mapping that leads back to itself."""
    # A subtree that was taken out is a ring as well; what is put into a mapping is no leftover.
    return (
        is_of(clue.container, dict)
        and attributes_of(clue.example) is not None
        and clue.is_in_ring(_AROUND)
    )


def is_cache(clue: Clue) -> bool:
    """Tell a mapping that gains keys."""
    return is_of(clue.container, dict) and not clue.replaced
