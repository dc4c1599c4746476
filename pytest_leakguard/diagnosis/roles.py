"""How is each leak pattern recognised by the part that a holder plays? By names, and by the code.

These are patterns of applications, whose classes nobody knows beforehand. The table of patterns has
the order in which they are asked.
"""

from __future__ import annotations

import types

from pytest_leakguard.diagnosis.clues import (
    Clue,
    has_methods,
    is_of,
    loaded,
    own_methods,
    words_in,
)
from pytest_leakguard.diagnosis.kinds import CACHES, FUNCTIONS, SEQUENCES, is_instance
from pytest_leakguard.diagnosis.naming import is_a

_EXIT_STACKS = ("contextlib:ExitStack", "contextlib:AsyncExitStack")
#: Words in names, in the singular and in lower case.
_LISTENERS = frozenset(
    {"listener", "handler", "callback", "func", "sub", "subscriber", "subscription"}
    | {"observer", "hook", "receiver", "watcher"}
)
_LISTENING = frozenset({"subscribe", "listen", "observe", "watch", "register"})
_ADDING = frozenset({"add", "append", "attach", "bind", "install", "register", "set"})
_LISTENING_NAMES = frozenset({"on", "once", "connect"})
_MOUNTING = frozenset({"mount", "mounted", "attach", "activate", "render"})
_CONNECTIONS = frozenset({"connection", "conn", "client", "peer", "room", "websocket"})
_CONNECTING = frozenset({"connect", "connected"})
_ACQUIRED = frozenset({"acquired", "lease", "leased", "resource"})
_LOGS = frozenset({"middleware", "log", "logger", "logged", "history"})
#: Attributes of a middleware, and the parameters by which it is called.
_INNER = frozenset({"app", "application", "get_response"})
_CALLED_WITH = ({"environ", "start_response"}, {"scope", "receive", "send"})
#: What an object, a class or a function has its values in.
_INSIDES = (*SEQUENCES, dict, types.CellType, types.MappingProxyType)


def is_mounted(clue: Clue) -> bool:
    """Tell a listener that was added by what mounts a component."""
    return listens(clue) and bool(words_in(clue.functions()) & _MOUNTING)


def is_reconnect(clue: Clue) -> bool:
    """Tell a listener that was added by what reconnects."""
    return "reconnect" in words_in(clue.functions()) and (
        listens(clue) or is_of(clue.example, FUNCTIONS)
    )


def listens(clue: Clue) -> bool:
    """Tell a listener by the names of container, type and functions, and by what it is."""
    is_called = callable(clue.example) or clue.is_near(lambda obj: is_of(obj, FUNCTIONS))
    words = clue.own_words()
    functions = clue.functions()
    if is_of(clue.container, dict):  # plug-ins and routes are registered as well, by their names
        functions.discard("register")
    if is_called and any(_adds_listeners(name, words) for name in functions):
        return True
    if _is_websocket(clue.example):
        return False
    # An observer need not be called itself: it has a method that is.
    is_called = is_called or (is_instance(clue.example) and bool(own_methods(clue.example)))
    if not is_called:
        return False
    if "subscribe" in words_in(functions):
        return True
    return bool(words & _LISTENERS) and clue.heaviest_capture() is None


def _adds_listeners(function: str, container_words: set[str]) -> bool:
    """Tell by its name a function that takes a listener."""
    words = words_in([function])
    if words & _LISTENING or (words & _LISTENERS and words & _ADDING):
        return True
    return function in _LISTENING_NAMES and not container_words & _CONNECTIONS


def is_request_log(clue: Clue) -> bool:
    """Tell a log of requests, by what a request is, by its owner, or by names."""
    if is_of(clue.example, FUNCTIONS):
        return False
    words = clue.words()
    if "request" in words and (words & _LOGS or "middleware" in clue.finding.holder.lower()):
        return True
    if clue.is_near(_is_request):
        return not words & (_CONNECTIONS | CACHES)
    return not is_of(clue.container, dict) and _is_middleware(_owner_of(clue))


def _owner_of(clue: Clue) -> object:
    """Return the nearest object, class or function on the way that has the container in it."""
    owners = (obj for obj in reversed(clue.chain[:-1]) if not is_of(obj, _INSIDES))
    return next(owners, None)


def _is_request(obj: object) -> bool:
    """Tell the environment of a WSGI request (PEP 3333), or the scope of an ASGI connection."""
    if type(obj) is not dict:
        return False
    values = {key: value for key, value in obj.items() if type(key) is str}
    kind = values.get("type")
    return {"PATH_INFO", "REQUEST_METHOD"} <= values.keys() or (
        "path" in values and type(kind) is str and kind == "http"
    )


def _is_middleware(owner: object) -> bool:
    """Tell what stands between a server and an application, by how it is made and called."""
    if is_a(owner, types.FunctionType):
        return _is_called_by_server(owner)
    kind = owner if is_a(owner, type) else type(owner)
    made, called = (_method(kind, name) for name in ("__init__", "__call__"))
    return called is not None and (
        _is_called_by_server(called)
        or (made is not None and not _INNER.isdisjoint(_parameters(made)))
    )


def _method(kind: type, name: str) -> types.FunctionType | None:
    found = (cls.__dict__[name] for cls in kind.__mro__ if name in cls.__dict__)
    method = next(found, None)
    return method if is_a(method, types.FunctionType) else None


def _is_called_by_server(function: types.FunctionType) -> bool:
    return any(names.issubset(_parameters(function)) for names in _CALLED_WITH)


def _parameters(function: types.FunctionType) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def is_connection(clue: Clue) -> bool:
    """Tell who is registered as connected: by two of its kind, its name, and who enters it.

    Or by the connection that it has.
    """
    if clue.leads_to(_is_websocket, 1):
        return True
    signs = (
        is_instance(clue.example),
        bool(clue.own_words() & _CONNECTIONS),
        bool(words_in(clue.functions()) & _CONNECTING),
    )
    return sum(signs) > 1


def is_session(clue: Clue) -> bool:
    """Tell the session of a user by names; one that can be closed is a resource of a library."""
    return "session" in clue.own_words() and not has_methods(clue.example, "close")


def _is_websocket(obj: object) -> bool:
    return "websocket" in type(obj).__name__.lower()


def is_manager(clue: Clue) -> bool:
    """Tell what an exit stack or a manager of resources has acquired."""
    return clue.passes(loaded(_EXIT_STACKS)) or bool(clue.words() & _ACQUIRED)
