"""How does one process develop over a session of tests? Watches it, and says so at the end.

Everything here is rationed: it takes a small share of the time that passes, and bounded memory.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from operator import sub
from typing import final

from pytest_leakguard.clock import now_ns
from pytest_leakguard.counters.footprint import memory_limit
from pytest_leakguard.counters.nearby import Neighbourhood
from pytest_leakguard.monitor.collector import CollectorWatch
from pytest_leakguard.monitor.curve import CurveRecorder
from pytest_leakguard.monitor.holders import HolderSearch
from pytest_leakguard.monitor.judging import (
    Evidence,
    Limits,
    trends_of,
    warnings_of,
)
from pytest_leakguard.monitor.quantities import Quantities
from pytest_leakguard.monitor.ration import Ration
from pytest_leakguard.monitor.readings import OF_TESTS, Readings
from pytest_leakguard.monitor.spots import SpotChecks
from pytest_leakguard.monitor.suspects import Suspect
from pytest_leakguard.monitor.tally import Tally
from pytest_leakguard.monitored import SAMPLED, Monitored

#: Samples are this far apart at least, in seconds; later on, so many would lie in the time that has
#: passed: one or two hundred in all, of some 0.3 ms each.
_INTERVAL_SECONDS, _SAMPLES = 0.05, 40
_NS = 1_000_000_000
_THREADS = SAMPLED.index("threads")
#: Share of the elapsed time for what is done after each test, and what may be spent before any has
#: come together, in seconds.
_SHARE, _CREDIT = 0.002, 0.005


@final
class ProcessMonitor:
    """Watches this process from :meth:`open` to :meth:`close`.

    Args:
        process: What the process is called; empty for the only one.
        places: Called for named places where holders may live, such as the values of fixtures.
        interval: How often samples are taken by a thread besides, in seconds; 0: never.
        limits: What is warned of.

    Attributes:
        holders: Looks for holders that grow.
        quantities: Looks for resources that grow.
        spots: Asks tests what they keep, without a suspicion.
        collector: Looks at the garbage collector.
        reruns: How many tests were run again for what is suspected.
        rerun_seconds: How long that took.
    """

    def __init__(
        self,
        *,
        process: str = "",
        places: Callable[[], Mapping[str, object]] = dict,
        interval: float = 0.0,
        limits: Limits = Limits(),  # noqa: B008  # a frozen value
    ) -> None:
        self._process = process
        self._limits = limits
        self._interval = interval
        self._readings = Readings()
        self.holders = HolderSearch(places)
        self.quantities = Quantities(self._readings.readers)
        self.spots = SpotChecks(self._readings.readers)
        self.reruns = 0
        self.rerun_seconds = 0.0
        self._recorder = CurveRecorder(SAMPLED)
        self._tally = Tally()
        self.collector = CollectorWatch()
        self._ration = Ration(_SHARE, _CREDIT)
        self._began_ns = 0
        self._sampled_ns = 0
        self._tests = self._measured = 0
        self._test = ""
        self._last_test = ""
        # What was there before the current test, and after it.
        self._before, self._after = (array("q", bytes(8 * len(OF_TESTS))) for _ in range(2))
        self._is_measuring = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def open(self, tests: int) -> None:
        """Begin.

        Args:
            tests: How many tests are going to run in this process, as far as is known.
        """
        self._began_ns = now_ns()
        self.holders.open(tests)
        self.collector.open()
        self._sample()
        if self._interval:
            self._thread = threading.Thread(
                target=self._sample_on, name="leakguard-monitor", daemon=True
            )
            self._thread.start()

    def _sample_on(self) -> None:
        while not self._stop.wait(self._interval):
            with suppress(Exception):  # no descriptor may be left, say: no test is to hear of it
                self._sample()

    @property
    def elapsed_seconds(self) -> float:
        """Time since it began, in seconds."""
        return (now_ns() - self._began_ns) / _NS

    def _sample(self) -> None:
        with self._lock:
            self._readings.take(self.elapsed_seconds)
            values = self._readings.values
            if self._thread is not None:
                values[_THREADS] -= 1  # our own
            self._sampled_ns = now_ns()
            test = self._test or self._last_test
            self._recorder.add(self._sampled_ns - self._began_ns, self._tests, values, test)

    def begin(self, test: str) -> None:
        """Note that a test begins."""
        began = now_ns()
        self._test = test
        self.collector.begin(test)
        self.quantities.begin()
        if not self._is_measuring and self._ration.affords(0.0, self.elapsed_seconds):
            self._readings.counts(self._before)
            self._is_measuring = True
        self._ration.spent += (now_ns() - began) / _NS

    def end(self, file: str, neighbourhood: Callable[[], Neighbourhood], *, runs: int = 1) -> None:
        """Note that the test is over.

        Args:
            file: The file that it stands in.
            runs: How often it ran: more than once if it was judged.
            neighbourhood: Returns where the containers near to it are.
        """
        began = now_ns()
        test, self._test, self._last_test = self._test, "", self._test
        self.collector.end()
        self._tests += 1
        items = self.holders.note(test, file, runs)
        affords = self._ration.affords(0.0, self.elapsed_seconds)
        if self._is_measuring:
            self._end_measured(test, file, items)
            self._is_measuring = affords
        if (
            began - self._sampled_ns
            >= max(_INTERVAL_SECONDS, self.elapsed_seconds / _SAMPLES) * _NS
        ):
            self._sample()
            values = dict(zip(SAMPLED, self._readings.values, strict=True))
            self.quantities.look(values, self._recorder.so_far)
        self._ration.spent += (now_ns() - began) / _NS
        if self.holders.search(self._tests, test, self.elapsed_seconds, neighbourhood):
            self._is_measuring = False  # what was there before the next test is read anew

    def has_questions(self, file: str) -> bool:
        """Tell whether a test of a file may be run again.

        That is if it makes something grow that is suspected, or without a suspicion.
        """
        found = self.holders.suspects(file) or self.quantities.suspects(file)
        return bool(found) or self.spots.affords(self.elapsed_seconds)

    def suspects(self, file: str) -> list[Suspect]:
        """Return what is in question and has grown by the current test so far.

        Args:
            file: The file that the test is in.
        """
        holders = [one for one in self.holders.suspects(file) if one.has_grown]
        return [*holders, *(one for one in self.quantities.suspects(file) if one.has_grown)]

    def _end_measured(self, test: str, file: str, items: int) -> None:
        self._readings.counts(self._after)
        gained = map(sub, self._after, self._before)
        self._tally.add(test, file, (items, *gained))
        self._before, self._after = self._after, self._before
        self._measured += 1

    def abandon(self) -> None:
        """Stop, and leave nothing behind."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
        self.collector.close()
        self.holders.abandon()

    def close(self, *, cut_short: bool = False) -> Monitored:
        """Stop, and say what was seen.

        Args:
            cut_short: The session ends before what its fixtures hold is let go: no growth of that
                is warned of.
        """
        self._sample()
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
        self.collector.close()
        curve = self._recorder.curve()
        trends = trends_of(curve)
        growing = self.holders.close()
        limit = memory_limit()
        evidence = Evidence(
            curve=curve,
            growing=growing,
            proven=self.quantities.proven(),
            spread=self.spots.spread(),
            limit_bytes=limit,
        )
        missing = ", ".join(self._readings.missing)
        notes = [f"not countable here: {missing}"] if missing else []
        if cut_short:
            evidence = replace(evidence, growing=(), proven={}, spread=())
            notes.append("the session was cut short: no steady growth is warned of")
        return Monitored(
            process=self._process,
            seconds=round(self.elapsed_seconds, 3),
            tests=self._tests,
            measured=self._measured,
            cost_seconds=round(self._ration.spent + self.holders.spent_seconds, 4),
            rerun_seconds=round(self.rerun_seconds + self.spots.spent_seconds, 4),
            reruns=self.reruns,
            curve=curve,
            trends=trends,
            growing=growing,
            spread=self.spots.spread(),
            retaining=self._tally.tests(),
            retaining_files=self._tally.files(),
            collections=self.collector.found(),
            warnings=tuple(warnings_of(evidence, trends, self._limits)),
            limit_bytes=limit,
            notes=(*notes, *self.holders.notes, *self.quantities.notes(curve), *self.spots.notes()),
        )

    def note_raising(self, what: str) -> None:
        """Note that a finaliser has raised something."""
        self.collector.note_raising(what)
