"""Which kind of leak is it, and how is it mended? A table: the first pattern that fits wins.

Where none fits, the pattern is ``unrecognised``.
"""

from __future__ import annotations

import contextvars
import functools
import threading
import types
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import final

from pytest_leakguard.diagnosis import kinds, roles
from pytest_leakguard.diagnosis.clues import Clue, is_of
from pytest_leakguard.diagnosis.releases import skips_release
from pytest_leakguard.model import CONTEXT


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


#: These two have one name: both are taken by code that is not Python's.
NATIVE = Pattern(
    "native memory",
    "taken by native code, and held by no Python object",
    "look for a malloc without its free in the extension that the test calls",
)
#: stdlib/setenv.c of glibc: what ``getenv`` has answered has to stay.
ENVIRONMENT = Pattern(
    "native memory",
    "taken for environment variables: the C library keeps each distinct value for ever",
    "set it once, or to one of a few values; hand to a child process what differs (env=...)",
)
REFERENCE = Pattern(
    "native memory",
    "referred to by native code alone: no Python object leads to it",
    "look for a reference that the extension takes and never gives back (Py_INCREF without"
    " Py_DECREF), or for what it registers and never forgets",
)
STREAM = Pattern(
    "stream",
    "opened on every run, never closed",
    "close it in a with statement or in teardown, on the error path too",
    kinds.is_stream,
)
ERROR_PATH = Pattern(
    "missing error handler",
    "released on the good path only: an exception skips it",
    "release it in finally, or in a with statement",
    lambda clue: skips_release((*clue.finding.grown, *clue.finding.allocated)),
)
CHILD = Pattern(
    "child process",
    "started on every run, never waited for",
    "use subprocess.run(), or terminate it and wait for it in teardown",
    kinds.is_child,
)
TEMPORARY = Pattern(
    "temporary file",
    "made on every run, left on the disk",
    "make it in tmp_path, or by tempfile in a with statement; remove it in teardown",
    kinds.is_temporary,
)
POLLER = Pattern(
    "forgotten poller",
    "a thread started on every run, never stopped",
    "keep a handle, and stop and join the thread in teardown",
    kinds.is_poller,
)
INTERPRETER = Pattern(
    "interpreter registry",
    "entered in a registry of the interpreter or its library, which never forgets",
    "take it out again on teardown, or enter the same thing each time",
    kinds.is_interpreters,
)
CLASS_REGISTRY = Pattern(
    "class registry",
    "a class or a dispatcher keeps one more class or instance on every run",
    "let the registry refer weakly, or take it out on teardown; make a class once",
    kinds.is_class_registry,
)
UNBOUNDED = Pattern(
    "unbounded cache",
    "a fresh key on every run, and nothing is ever dropped",
    "bound it (LRU, TTL), or use weak keys",
    lambda clue: clue.passes((functools._lru_cache_wrapper,)),
)

#: The most particular kinds first. One that may be told by weaker signs as well comes twice.
PATTERNS = (
    Pattern(
        "started patch",
        "patched on every run, never undone",
        "use the patch as a context manager, or stop it with addCleanup",
        kinds.is_patch,
    ),
    Pattern(
        "stored exception",
        "kept with its traceback, and so with every local variable on the way",
        "keep the message, or drop the traceback: error.with_traceback(None)",
        kinds.is_exception,
    ),
    Pattern(
        "logging handler",
        "added to a long-lived logger on every run, never removed",
        "configure logging once, or remove it on teardown",
        kinds.is_logging,
    ),
    Pattern(
        "exit handler",
        "registered on every run, for a moment that is far off",
        "unregister it on teardown (atexit.unregister, finalize.detach), or register once",
        lambda clue: clue.finding.holder.startswith(("atexit", "weakref.finalize")),
    ),
    Pattern(
        "weak mapping holds its key",
        "a value of a weak mapping refers to its own key, so that neither dies",
        "let the value refer to its key weakly, or store what it needs of it",
        kinds.holds_its_key,
    ),
    Pattern(
        "context variable",
        "set in the main context on every run, never reset",
        "reset it with its token, or run in contextvars.copy_context()",
        lambda clue: (
            clue.root == CONTEXT
            or clue.passes((contextvars.ContextVar,))
            or clue.holds((contextvars.Token,))
            or is_of(clue.kid, contextvars.Token)
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
        kinds.is_timer,
    ),
    Pattern(
        "executor",
        "made on every run, never shut down",
        "use it in a with statement, or call shutdown() in teardown",
        kinds.is_executor,
    ),
    Pattern(
        "pending promise",
        "awaited by nobody, or never done",
        "give it a timeout; cancel and await it",
        kinds.is_promise,
    ),
    Pattern(
        "suspended generator",
        "never run to its end, so that its frame lives on",
        "exhaust it, or close it: contextlib.closing(generator)",
        lambda clue: (
            is_of(clue.example, types.GeneratorType) or clue.passes((types.GeneratorType,))
        ),
    ),
    Pattern(
        "event loop",
        "made on every run, never closed",
        "use asyncio.run(), or close the loop in teardown",
        kinds.is_open_loop,
    ),
    POLLER,
    CHILD,
    INTERPRETER,
    Pattern(
        "pool checkout",
        "taken on every run, not given back",
        "release or close it in finally, or let the pool run the work",
        kinds.is_pool,
    ),
    CLASS_REGISTRY,
    Pattern(
        "run-time class",
        "a class made on every run is kept, with its ten or so objects",
        "make the class once, or do not keep it",
        lambda clue: is_of(clue.example, type),
    ),
    ERROR_PATH,
    Pattern(
        "resource manager",
        "acquired on every run, not released",
        "release it in finally, or close the manager in teardown",
        roles.is_manager,
    ),
    STREAM,
    Pattern(
        "reconnect listeners",
        "one more listener after each reconnect",
        "remove it on disconnect, or bind it once",
        roles.is_reconnect,
    ),
    Pattern(
        "subscription",
        "subscribed on mount, never unsubscribed",
        "unsubscribe where the component is taken down",
        roles.is_mounted,
    ),
    Pattern(
        "event listener",
        "subscribed on every run, never unsubscribed",
        "keep the handler and remove it on teardown; use once or weak references",
        roles.listens,
    ),
    Pattern(
        "session store",
        "a session is stored on every run, and never expires",
        "give it a time to live and a maximum, or use an external store",
        roles.is_session,
    ),
    Pattern(
        "request log in middleware",
        "every request is kept",
        "bound it; log less",
        roles.is_request_log,
    ),
    Pattern(
        "connection registry",
        "registered on connect, never taken out",
        "remove it on close and on error",
        roles.is_connection,
    ),
    replace(STREAM, fits=kinds.has_stream),
    TEMPORARY,
    Pattern(
        "growing chain",
        "each run puts one more link before the last",
        "cut the chain: drop the reference to what came before",
        kinds.is_chain,
    ),
    Pattern(
        "closure",
        "a stored function keeps what it captures",
        "extract the needed value before the closure, and do not store the function",
        kinds.is_closure,
    ),
    Pattern(
        "circular reference",
        "a cycle is kept by a long-lived holder",
        "make one side weak, or break the link",
        kinds.is_ring,
    ),
    Pattern(
        "detached structure",
        "taken out of its tree, but kept beside it",
        "refer to it weakly, or drop it on removal",
        kinds.is_detached,
    ),
    replace(CLASS_REGISTRY, fits=kinds.is_instance_registry),
    UNBOUNDED,
    replace(UNBOUNDED, fits=kinds.is_cache),
    Pattern(
        "global accumulation",
        "added to a long-lived container on every run",
        "scope it to the run, empty it on teardown, or bound it",
        lambda clue: clue.replaced or is_of(clue.container, kinds.SEQUENCES),
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
