"""Who else watches each line? Nobody does while a test is run again.

A tool for coverage would count what only a re-run reaches, and keeps something for each thread it
sees start; a debugger would stop at each breakpoint again. What they watch is the user's own run.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class OwnTracer:
    """What a tracer of this package derives from, so that it sees the runs it is there for."""


def run_unwatched(run: Callable[[], None]) -> None:
    """Run something that no tracer watches, unless it is one of ours.

    Args:
        run: Called once, without arguments; whatever it raises goes on.
    """
    tracer: Any = sys.gettrace()
    of_threads = threading.gettrace()
    if isinstance(tracer, OwnTracer):
        run()
        return
    if tracer is not None or of_threads is not None:
        sys.settrace(None)
        threading.settrace(None)
    try:
        with _without_monitoring():
            run()
    finally:
        if of_threads is not None:
            threading.settrace(of_threads)
        if tracer is not None:
            sys.settrace(tracer)


if sys.version_info >= (3, 12):
    _MONITORING = sys.monitoring
    _TOOLS = (_MONITORING.DEBUGGER_ID, _MONITORING.COVERAGE_ID)
    #: Each event by itself; some names stand for none or for several.
    _EVENTS = sorted(
        {event for event in vars(_MONITORING.events).values() if isinstance(event, int)}
    )
    _EVENTS = [event for event in _EVENTS if event.bit_count() == 1]

    @contextmanager
    def _without_monitoring() -> Iterator[None]:
        """Call no debugger and no tool for coverage that use ``sys.monitoring``."""
        kept: list[tuple[int, int, Any]] = []
        for tool in _TOOLS:
            if _MONITORING.get_tool(tool) is not None:
                kept += [
                    (tool, event, callback)
                    for event in _EVENTS
                    if (callback := _MONITORING.register_callback(tool, event, None)) is not None
                ]
        try:
            yield
        finally:
            for tool, event, callback in kept:
                if _MONITORING.get_tool(tool) is not None:  # a test may have ended it
                    _MONITORING.register_callback(tool, event, callback)

else:

    @contextmanager
    def _without_monitoring() -> Iterator[None]:
        yield
