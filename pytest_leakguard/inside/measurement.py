"""What does one operation allocate, retain and take at its peak?"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from array import array
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import final

from pytest_leakguard.errors import NotMeasuredError
from pytest_leakguard.heap import Heap, is_in_use
from pytest_leakguard.inside.caller import calling_frame, place_of
from pytest_leakguard.runner import tracing
from pytest_leakguard.units import format_size, plural

_ALLOCATED, _PEAK, _RETAINED, _OBJECTS = range(4)
# Bound here because tests patch the modules' functions.
_collect, _get_objects = gc.collect, gc.get_objects
_traced_memory, _clear_traces = tracemalloc.get_traced_memory, tracemalloc.clear_traces

#: What was measured last by place: a test that is run again is given the answers of its first run.
_latest: dict[str, array[int]] = {}
_open_at: list[str] = []
_is_warm = False


@final
class Measurement:
    """A context that measures its block: what was allocated inside, and by whichever thread.

    Memory is what Python's allocators hand out, by tracemalloc: objects, their buffers, and that of
    extensions that register theirs, such as NumPy. An empty block reads 0 everywhere. Memory that
    native code takes from the system by itself is not seen, nor is older memory that is freed: to
    replace a value retains the new one. Caches that a first call fills are retained too.

    tracemalloc is on inside, so that a block is slower. Where it was on before, it begins anew at
    the start and at the end of the block.

    Raises:
        NotMeasuredError: A value is asked for that there is not: the block goes on, or has raised,
            or is itself run again by a check that begins outside of it.
    """

    __slots__ = ("_counted", "_counting", "_heap", "_missing", "_own", "_place", "_traces")

    def __init__(self) -> None:
        self._counted: array[int] | None = None
        self._counting = array("q", bytes(8 * 4))
        self._traces: AbstractContextManager[None] | None = None
        self._heap = Heap()
        self._own: Sequence[int] = ()
        self._place = ""
        self._missing = "the block has not ended"

    @property
    def allocated_bytes(self) -> int:
        """Bytes from inside that are in use as the block ends, before garbage is collected.

        With what waits in the interpreter's free lists; without what was freed meanwhile.
        """
        return self._value(_ALLOCATED, "allocated_bytes")

    @property
    def peak_bytes(self) -> int:
        """The most bytes from inside that were in use at any moment of the block."""
        return self._value(_PEAK, "peak_bytes")

    @property
    def retained_bytes(self) -> int:
        """Bytes from inside that are in use after garbage was collected."""
        return self._value(_RETAINED, "retained_bytes")

    @property
    def retained_objects(self) -> int:
        """Objects from inside that live on after it, as far as the collector tracks them."""
        return self._value(_OBJECTS, "retained_objects")

    def _value(self, index: int, name: str) -> int:
        if self._counted is None:
            raise NotMeasuredError(f"{name}: nothing was measured: {self._missing}")
        return self._counted[index]

    def __repr__(self) -> str:
        if self._counted is None:
            return f"<Measurement: nothing was measured: {self._missing}>"
        allocated, peak, retained, objects = self._counted
        return (
            f"<Measurement: {format_size(retained)} and {plural(objects, 'object')} retained,"
            f" {format_size(allocated)} allocated, {format_size(peak)} at the peak>"
        )

    def __enter__(self) -> Measurement:
        if self._counted is not None and is_in_use():
            return self  # a re-run, which has been given the first run's answer
        self._place = place_of(calling_frame())
        if _open_at:
            raise NotMeasuredError(
                f"measure: one block at a time can be measured, and that of {_open_at[-1]} is"
            )
        self._counted = None
        if is_in_use():
            self._counted = _latest.get(self._place)
            self._missing = "what runs here is itself measured from outside"
            return self
        _warm_up()
        is_watched = sys.gettrace() is not None or gc.callbacks
        self._own = _own_footprint() if is_watched else ()
        self._begin()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        counting, traces = self._counting, self._traces
        if traces is None:
            return
        counting[_ALLOCATED], counting[_PEAK] = _traced_memory()
        self._traces = None
        try:
            if exc_type is not None:
                self._missing = "the block was left by an exception"
            elif not tracemalloc.is_tracing():
                self._missing = "the block has switched tracemalloc off"
            else:
                self._look(counting)
                _take_off(counting, self._own)
                self._counted = counting
                if self._place:
                    _latest[self._place] = counting
        finally:
            self._heap.__exit__(None, None, None)
            traces.__exit__(None, None, None)
            _open_at.pop()

    def _begin(self) -> None:
        self._missing = "the block has not ended"
        self._counting = array("q", bytes(8 * 4))
        traces = tracing(1)
        traces.__enter__()
        _open_at.append(self._place)
        self._traces = traces
        _collect()
        self._heap.__enter__()
        _clear_traces()

    def _look(self, counted: array[int]) -> None:
        """Count what is left once all garbage is gone; leaves nothing behind that would count."""
        self._heap.collect()
        new = set(map(id, _get_objects()))
        is_new = new.__contains__
        # What is new may hang on something old that has become garbage.
        self._heap.thaw()
        _collect()
        counted[_OBJECTS] = sum(map(is_new, map(id, _get_objects())))
        del new, is_new
        _collect()  # also empties the free lists
        counted[_RETAINED] = _traced_memory()[0]


def _take_off(counting: array[int], own: Sequence[int]) -> None:
    """Take what an empty block reads off the figures of a block."""
    if own:
        peak = counting[_PEAK]
        for index in (_ALLOCATED, _RETAINED, _OBJECTS):
            counting[index] = max(counting[index] - own[index], 0)
        # What is ours comes at the end: an earlier peak is the block's alone.
        if peak <= counting[_ALLOCATED] + own[_PEAK]:
            counting[_PEAK] = counting[_ALLOCATED]


def _own_footprint() -> Sequence[int]:
    """Return what an empty block would read.

    A tracer, such as one for coverage, has a frame object made for each call: those of this
    module's functions are there when the figures are read. What a collection tells its callbacks,
    such as Hypothesis's, waits in the free lists after it.
    """
    measurement = Measurement()
    measurement._begin()  # noqa: SLF001  # our own
    measurement.__exit__(None, None, None)
    return measurement._counted or ()  # noqa: SLF001


def _warm_up() -> None:
    """Take every path once, so that nothing of ours is made in a block."""
    global _is_warm  # noqa: PLW0603  # once in a process
    if not _is_warm:
        _is_warm = True
        for _ in range(2):
            _own_footprint()


def measure() -> Measurement:
    """Measure what the block of a ``with`` statement allocates, retains and takes at its peak.

    Returns:
        The context; after the block, it has the values.

    Raises:
        NotMeasuredError: On entry: another block is being measured in this process.
    """
    return Measurement()
