"""What time is it, also while a test has frozen or patched the clock?"""

from __future__ import annotations

import time
from collections.abc import Callable


def now(_read: Callable[[], float] = time.perf_counter) -> float:
    """Return a monotonic time in seconds.

    The clock is bound as a default argument because freezegun replaces the clocks that it finds in
    module namespaces, and a frozen clock would never use up a time budget.
    """
    return _read()


def now_ns(_read: Callable[[], int] = time.perf_counter_ns) -> int:
    """Return the same time in nanoseconds."""
    return _read()


def wait(seconds: float, _sleep: Callable[[float], object] = time.sleep) -> None:
    """Let other threads run for some seconds, also when ``time.sleep`` is patched."""
    _sleep(seconds)
