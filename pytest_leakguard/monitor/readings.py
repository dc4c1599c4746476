"""What is read after a test, and what does that cost?

Most readings take some microseconds whatever the heap is like. Two take time that grows with it:
the unique set size and the objects of each generation. These are read as rarely as it takes.
"""

from __future__ import annotations

import gc
import sys
from _tracemalloc import is_tracing  # the public module brings pickle with it
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from pytest_leakguard.clock import now
from pytest_leakguard.counters import blocks, descriptors, mapped, native, tasks, threads
from pytest_leakguard.counters.footprint import read_rss, read_uss
from pytest_leakguard.monitor.curve import ABSENT
from pytest_leakguard.monitor.ration import Ration
from pytest_leakguard.monitored import SAMPLED

#: Share of the elapsed time that the dear readings may take.
_DEAR_SHARE = 0.001
#: What one of them is taken to cost before it was made, in seconds.
_FIRST_DEAR_SECONDS = 0.001
_GENERATIONS = ("gc_young", "gc_middle", "gc_old")
_get_objects = gc.get_objects
#: What is read before and after each test.
OF_TESTS = ("blocks", "native_bytes", "fds", "threads")


def _objects_of(generation: int) -> Callable[[], int | None]:
    return lambda: len(_get_objects(generation=generation))


@final
@dataclass(slots=True)
class _Dear:
    """A reading that takes time which grows with the process, and what it took at last."""

    position: int
    read: Callable[[], int | None]
    cost: float = _FIRST_DEAR_SECONDS


@final
class Readings:
    """Reads a process's counters into one array of values.

    Attributes:
        values: The last sample, in the order of :data:`SAMPLED`.
        missing: Names of those that the platform does not have.
    """

    def __init__(self) -> None:
        self.values = array("q", [ABSENT] * len(SAMPLED))
        counters = (
            blocks.Blocks(),
            native.NativeBytes(),
            mapped.MappedBytes(all_of_them=True),
            descriptors.Descriptors(),
            threads.Threads(),
            tasks.Tasks(),
        )
        self._cheap: list[tuple[int, str, Callable[[], int | None]]] = [
            (SAMPLED.index(counter.name), counter.name, counter.read)
            for counter in counters
            if counter.works()
        ]
        self._cheap.append((SAMPLED.index("rss_bytes"), "rss_bytes", read_rss))
        self._dear = [_Dear(SAMPLED.index("uss_bytes"), read_uss)]
        # CPython 3.14 has no middle generation, and its incremental collector no fixed ones.
        self._dear += [
            _Dear(SAMPLED.index(name), _objects_of(generation))
            for generation, name in enumerate(_GENERATIONS)
            if sys.version_info < (3, 14)
        ]
        self._ration = Ration(_DEAR_SHARE)
        self._of_tests = [
            (OF_TESTS.index(name), name, read) for _, name, read in self._cheap if name in OF_TESTS
        ]
        read = {name for _, name, _ in self._cheap} | {SAMPLED[one.position] for one in self._dear}
        self.missing = tuple(name for name in SAMPLED if name not in read)

    @property
    def readers(self) -> dict[str, Callable[[], int | None]]:
        """How each counter is read that takes no time to speak of, by its name."""
        return {name: read for _, name, read in self._cheap}

    def counts(self, into: array[int]) -> None:
        """Read what is told of each test, in the order of :data:`OF_TESTS`.

        Args:
            into: Is given the values; 0 for what the platform does not have.
        """
        tracing = is_tracing()
        for place, name, read in self._of_tests:
            into[place] = (0 if tracing and name == "native_bytes" else _told(read)) or 0

    def take(self, elapsed_seconds: float) -> None:
        """Read everything that can be afforded.

        Args:
            elapsed_seconds: Time since the session began.
        """
        tracing = is_tracing()  # it keeps its records on the native heap
        for position, name, read in self._cheap:
            value = None if tracing and name == "native_bytes" else _told(read)
            self.values[position] = ABSENT if value is None else value
        for dear in self._dear:
            self.values[dear.position] = ABSENT
            if self._ration.affords(dear.cost, elapsed_seconds):
                began = now()
                value = _told(dear.read)
                self.values[dear.position] = ABSENT if value is None else value
                dear.cost = now() - began
                self._ration.spent += dear.cost


def _told(read: Callable[[], int | None]) -> int | None:
    """Read a counter; ``None`` where the system refuses, as when no descriptor is left."""
    try:
        return read()
    except OSError:
        return None
