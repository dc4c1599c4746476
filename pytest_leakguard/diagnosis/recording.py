"""How are runs recorded by memray, and what has a recording left alive at its end?

memray is imported only in this package, and only when asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any, final

#: How much slower code that does little but allocate was seen to run under memray with native
#: frames (1.20, CPython 3.11), and with what Python's own allocators hand out as well.
SLOWDOWN, OBJECTS_SLOWDOWN = 8, 26


class UntraceableError(Exception):
    """The runs could not be recorded; the text says why."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What is alive at the end of a recording and was taken at one place.

    Attributes:
        size_bytes: Its size.
        number: How many blocks.
        frames: Function, file and line of each frame, innermost first.
    """

    size_bytes: int
    number: int
    frames: tuple[tuple[str, str, int], ...]


@contextmanager
def recording(path: str, *, native: bool, python_objects: bool) -> Iterator[None]:
    """Have memray record inside; the file has what is alive, by place, and not each allocation.

    Args:
        path: The file; there is none yet.
        native: With native frames.
        python_objects: Also what Python's own allocators hand out, which is slow.

    Raises:
        UntraceableError: It cannot be recorded.
        OSError: The file cannot be written.
    """
    try:
        import memray
    except ImportError as error:
        raise UntraceableError(f"memray cannot be imported: {error}") from None
    tracker = memray.Tracker(
        path,
        native_traces=native,
        trace_python_allocators=python_objects,
        file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS,
    )
    with ExitStack() as active:
        active.callback(_restore_threads, vars(threading.Thread).get("_set_os_name"))
        try:
            active.enter_context(tracker)
        except RuntimeError as error:
            raise UntraceableError(in_words(str(error))) from None
        yield


def in_words(problem: str) -> str:
    """Say what keeps runs from being recorded, by what memray or a run says."""
    # What memray says when a second tracker is started, by us or by the test.
    if "No more than one Tracker" in problem:
        return "another memray tracker is at work, such as that of pytest-memray or memray run"
    return problem


def leftovers(path: str, *, native: bool) -> list[Leftover]:
    """Read what was alive at the end of a recording, the largest first.

    Args:
        path: The file.
        native: Whether it has native frames.

    Raises:
        OSError: It cannot be read.
    """
    import memray

    totals: dict[tuple[tuple[str, str, int], ...], tuple[int, int]] = {}
    with closing(memray.FileReader(path)) as reader:
        one: Any  # memray has no types on every platform
        for one in reader.get_leaked_allocation_records(merge_threads=True):
            frames = tuple(one.hybrid_stack_trace() if native else one.stack_trace())
            size, number = totals.get(frames, (0, 0))
            totals[frames] = size + one.size, number + one.n_allocations
    found = [
        Leftover(size_bytes=size, number=number, frames=frames)
        for frames, (size, number) in totals.items()
    ]
    return sorted(found, key=lambda one: -one.size_bytes)


def _restore_threads(set_os_name: object) -> None:
    """Take off what memray leaves on the class of threads (Python 3.14)."""
    if set_os_name is not None:
        threading.Thread._set_os_name = set_os_name  # type: ignore[attr-defined]  # private
