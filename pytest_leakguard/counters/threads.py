"""How many threads does Python know of?"""

from __future__ import annotations

import threading
from collections.abc import Callable


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
