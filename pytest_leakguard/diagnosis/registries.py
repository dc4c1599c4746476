"""What does the interpreter keep where no object refers to it? A stand-in is watched instead.

Callbacks for the interpreter's exit, audit hooks and fork hooks live where no walk over the heap
reaches; the search functions of codecs in a list that no module refers to.
"""

from __future__ import annotations

import atexit
import encodings
import functools
import gc
import os
import signal
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

#: What the registries are called as holders.
ATEXIT, AUDIT_HOOKS, CODECS, SIGNALS = "atexit", "sys.addaudithook", "codecs", "signal"
FORK_HOOKS = "os.register_at_fork"


class Registries:
    """The interpreter's own registries, as far as anything can be seen of them.

    Attributes:
        values: Each registry's content by its name. Of callbacks for the exit, audit
            and fork hooks, only those registered while :meth:`recording`.
    """

    def __init__(self) -> None:
        self._exit: list[object] = []
        self._exit_sizes = array("q")
        self._hooks: list[object] = []
        self._fork_hooks: list[object] = []
        self._signals: dict[str, object] = {}
        self.values: Mapping[str, object] = {
            ATEXIT: self._exit,
            AUDIT_HOOKS: self._hooks,
            FORK_HOOKS: self._fork_hooks,
            CODECS: _codec_search_path(),
            SIGNALS: self._signals,
        }

    def refresh(self) -> None:
        """Look again at the handlers of signals."""
        self._signals.clear()
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler) and not isinstance(handler, signal.Handlers):
                self._signals[getattr(number, "name", str(number))] = handler

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Note inside what is registered by way of the modules' functions."""
        with (
            _replaced(atexit, "register", self._register),
            _replaced(atexit, "unregister", self._unregister),
            _replaced(sys, "addaudithook", self._add_audit_hook),
            _replaced(os, "register_at_fork", self._register_at_fork),
        ):
            yield

    def _register(self, function: Any, /, *args: object, **kwargs: object) -> Any:
        registered = _register(function, *args, **kwargs)
        # Flat: a tuple made here would be taken for what is retained.
        self._exit += (function, *args, *kwargs.values())
        self._exit_sizes.append(1 + len(args) + len(kwargs))
        return registered

    def _unregister(self, function: Any, /) -> None:
        _unregister(function)
        for index, size in reversed([*enumerate(self._exit_sizes)]):
            start = sum(self._exit_sizes[:index])
            if self._exit[start] == function:
                del self._exit[start : start + size], self._exit_sizes[index]

    def _add_audit_hook(self, hook: Any, /) -> None:
        _add_audit_hook(hook)
        self._hooks.append(hook)

    def _register_at_fork(self, **hooks: Any) -> None:
        _register_at_fork(**hooks)
        self._fork_hooks += hooks.values()


_register, _unregister, _add_audit_hook = atexit.register, atexit.unregister, sys.addaudithook
_register_at_fork: Any = getattr(os, "register_at_fork", None)


@contextmanager
def _replaced(module: Any, name: str, function: Callable[..., object]) -> Iterator[None]:
    if not hasattr(module, name):  # on another platform
        yield
        return
    original = getattr(module, name)
    setattr(module, name, function)
    try:
        yield
    finally:
        if getattr(module, name) == function:  # a test may have put something else there for good
            setattr(module, name, original)


@functools.cache
def _codec_search_path() -> list[object]:
    """Return the list that ``codecs.register`` appends to; an empty one if it is not found."""
    # The collector does not look for referrers among what is frozen.
    frozen = gc.get_freeze_count() > 0
    if frozen:
        gc.unfreeze()
    try:
        referrers = gc.get_referrers(encodings.search_function)
    finally:
        if frozen:
            gc.freeze()
    for referrer in referrers:
        if type(referrer) is list and referrer[:1] == [encodings.search_function]:
            return referrer
    return []
