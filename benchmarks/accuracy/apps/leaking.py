"""Code that leaks: one thing of a kind on every run, every so many runs, or at random.

A specimen's test calls ``keep`` and nothing else, as a test would call an application. Each
specimen has a copy of this module to itself.
"""

from __future__ import annotations

import ctypes
import random
import threading
import time
from collections import deque
from collections.abc import Callable


class Record:
    """A small object."""

    def __init__(self) -> None:
        self.text = "record"


KEPT: list[object] = []
WINDOW: list[object] = []
SLOTS: list[bytes] = []
RECENT: deque[Record] = deque(maxlen=20)
_random = random.Random()
_libc = ctypes.CDLL(None)
_libc.malloc.argtypes, _libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
_libc.free.argtypes, _libc.free.restype = [ctypes.c_void_p], None
_turn = 0
_started = False


def _bytes(size: int) -> bytes:
    return b"x" * (size - 33)  # what CPython adds to the contents


def _malloc(size: int) -> int:
    address: int = _libc.malloc(size)
    ctypes.memset(address, 1, size)
    return address


#: What is kept, and how many of it a run of heavy traffic makes and drops.
KINDS: dict[str, tuple[Callable[[], object], int]] = {
    "16 B": (object, 200),
    "64 B": (lambda: _bytes(64), 200),
    "1 KiB": (lambda: _bytes(1024), 200),
    "64 KiB": (lambda: _bytes(64 * 1024), 8),
    "1 MiB": (lambda: _bytes(1024 * 1024), 3),
    "None": (lambda: None, 200),
    "small object": (Record, 200),
    "malloc 64 B": (lambda: _malloc(64), 200),
    "malloc 4 KiB": (lambda: _malloc(4096), 50),
}


def keep(kind: str, *, every: int, phase: int, traffic: str, seed: int) -> None:
    """Leak one thing, if it is its turn, amid other work.

    Args:
        kind: One of ``KINDS``.
        every: A leak every so many runs; 0 for one in two, at random.
        phase: At which of them, from 0.
        traffic: ``none``, ``churn``, ``sizes`` or ``thread``.
        seed: Of what is random.
    """
    global _started  # noqa: PLW0603  # as small applications have it
    if not _started:
        _started = True
        _random.seed(seed)
        if traffic == "thread":
            threading.Thread(target=_work_on, name="steady", daemon=True).start()
    make, count = KINDS[kind]
    if traffic == "churn":
        _churn(kind, make, count)
    elif traffic == "sizes":
        SLOTS[:] = [b"x" * _random.randrange(1, 4096) for _ in range(20)]
    if _is_due(every, phase):
        thing = make()
        if not kind.startswith("malloc"):
            KEPT.append(thing)


def _churn(kind: str, make: Callable[[], object], count: int) -> None:
    """Make as many things of the kind as the run before, and let go of those."""
    if kind.startswith("malloc"):
        for address in WINDOW:
            _libc.free(address)
    WINDOW[:] = [make() for _ in range(count)]


def _is_due(every: int, phase: int) -> bool:
    global _turn  # noqa: PLW0603  # the same
    if every == 0:
        return _random.random() < 0.5
    _turn = (_turn + 1) % every
    return _turn == phase


def _work_on() -> None:
    while True:
        RECENT.extend(Record() for _ in range(10))
        time.sleep(0.002)  # works at a beat of its own, in no step with the tests
