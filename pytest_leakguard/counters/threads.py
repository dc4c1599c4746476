"""How many threads does Python know of?"""

from __future__ import annotations

import os
import threading
from _thread import _count  # private, and as old as threads
from collections.abc import Callable

_TASKS = "/proc/self/task"
#: Links that a directory has without an entry in it.
_LINKS = 2
_stat = os.stat


class Threads:
    """Threads alive according to the ``threading`` module.

    The system's own count lags behind a ``join`` by some microseconds; this one does not.
    """

    name = "threads"
    noun = "thread"

    @staticmethod
    def works() -> bool:
        """Return True: every build that we support has threads."""
        return True

    def read(self, _active: Callable[[], int] = threading.active_count) -> int:
        """Return their number."""
        return _active()


def describe_alive() -> dict[int, str]:
    """Return name and target of each live thread, by its identity."""
    described: dict[int, str] = {}
    for thread in threading.enumerate():
        target = getattr(thread, "_target", None)
        name = getattr(target, "__qualname__", None) or type(thread).__qualname__
        described[id(thread)] = f"{thread.name} ({name})"
    return described


def count_unknown() -> int:
    """Return how many of the system's threads Python does not know of; 0 where nobody tells.

    These are those of extensions, and those that have ended for Python but not yet for the system.
    """
    try:
        return _stat(_TASKS).st_nlink - _LINKS - _count() - 1
    except OSError:
        return 0
