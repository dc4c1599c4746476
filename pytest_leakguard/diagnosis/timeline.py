"""What has each traced run kept, what took it at its peak, and what of it is still alive?"""

from __future__ import annotations

import tracemalloc
from _tracemalloc import _get_object_traceback as traced  # no object for each frame
from array import array
from collections import Counter
from typing import final

from pytest_leakguard import settle
from pytest_leakguard.clock import wait
from pytest_leakguard.diagnosis import traces
from pytest_leakguard.diagnosis.aside import in_short_stack
from pytest_leakguard.diagnosis.census import Births
from pytest_leakguard.evidence import TracedRun
from pytest_leakguard.heap import Heap
from pytest_leakguard.identity import identity_of

# Bound here because tests patch the module's functions.
_is_tracing, _traced_memory = tracemalloc.is_tracing, tracemalloc.get_traced_memory
_reset_peak = tracemalloc.reset_peak
_BEFORE, _PEAK = range(2)
_UNKNOWN = (("", 0),)
#: CPython frees what it kept of a thread, 360 bytes, when that has let another one go on.
_ENDING_SECONDS = 0.0002


@final
class Timeline:
    """Reads traced memory around each run; to be made once tracing is on.

    Between the readings it makes nothing that stays: a run that keeps nothing reads 0.
    """

    def __init__(self) -> None:
        self._noted = array("q", (0, 0))
        self._kept, self._peaks = array("q"), array("q")

    def come_to_rest(self, heap: Heap) -> None:
        """Have everything die that is about to; what is older than the run can be noted then.

        Args:
            heap: Its garbage is freed, and its free lists are emptied: what lies there is in use to
                tracemalloc.
        """
        wait(_ENDING_SECONDS)
        heap.collect()

    def before_run(self, heap: Heap) -> None:
        """Note what is in use; the run follows at once.

        Args:
            heap: Is brought to rest once more.
        """
        self.come_to_rest(heap)
        _reset_peak()
        self._noted[_BEFORE] = _traced_memory()[0]

    def after_run(self) -> None:
        """Note what the run took at its peak, before anything else takes more."""
        self._noted[_PEAK] = _traced_memory()[1]

    def at_rest(self) -> None:
        """Note what the run has kept, once its garbage is gone."""
        kept = _traced_memory()[0] - self._noted[_BEFORE]
        self._kept.append(kept)
        self._peaks.append(self._noted[_PEAK] - self._noted[_BEFORE])

    def runs(self, births: Births) -> tuple[TracedRun, ...]:
        """Return the runs in their order; none where a run has stopped tracemalloc.

        Args:
            births: The run that made it, from 1, of each object that is alive now.
        """
        # The array is older than all runs: whatever stops tracing, or clears it, forgets it.
        if not _is_tracing() or traced(self._noted) is None:
            return ()
        alive = in_short_stack(lambda: _alive(births))
        return tuple(
            TracedRun(kept_bytes=kept, peak_bytes=peak, alive_objects=alive[run])
            for run, (kept, peak) in enumerate(zip(self._kept, self._peaks, strict=True), start=1)
        )


def _alive(births: Births) -> Counter[int]:
    """Count what each run has made and is alive now, without what the measurer has made in it."""
    alive: Counter[int] = Counter()
    for obj in births.alive():
        lines = traced(obj) or _UNKNOWN
        if not (lines[0][0].startswith(traces.PACKAGE) or any(map(_is_of_settling, lines))):
            alive[births.runs[identity_of(obj)]] += 1
    return alive


def _is_of_settling(line: tuple[str, int]) -> bool:
    return line[0] == settle.__file__
