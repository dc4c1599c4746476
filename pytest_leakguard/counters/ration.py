"""Can a test afford readings of the native heap? On a fragmented heap they are dear."""

from __future__ import annotations

from pytest_leakguard.clock import now
from pytest_leakguard.counters import Counter, mapped
from pytest_leakguard.settings import NATIVE_COUNTERS

#: Share of the elapsed time that readings of the native heap may take in whole-suite mode. On a
#: fragmented heap (200,000 free chunks) one reading takes 32 ms.
NATIVE_SHARE = 0.02
#: Counters whose readings take time that grows with the native heap.
RATIONED = NATIVE_COUNTERS - {"mapped_bytes"} if mapped.IS_CHEAP else NATIVE_COUNTERS
#: What the first tests of a session may spend on it, before any share has come together.
_START_SECONDS = 0.02
#: Share of the elapsed time that measuring what a reading costs may take.
_MEASURING_SHARE = 0.005


class NativeRation:
    """Decides whether a test can afford readings of the native heap."""

    def __init__(self) -> None:
        self._started = now()
        self._spent = 0.0
        self._cost = 0.0
        self._measure_again = self._started

    def affords(self, chosen: tuple[Counter, ...], readings: int) -> bool:
        """Tell whether so many readings fit into the share; what one costs is measured at times.

        While they do not fit, the last known cost stands: measuring it is as dear as reading.
        """
        begun = now()
        allowed = (begun - self._started) * NATIVE_SHARE + _START_SECONDS
        if self._spent + self._cost * readings > allowed:
            return False
        if begun >= self._measure_again:
            for counter in chosen:
                if counter.name in RATIONED:
                    counter.read()
            ended = now()
            self._cost = ended - begun
            self._spent += self._cost
            self._measure_again = ended + self._cost / _MEASURING_SHARE
            if self._spent + self._cost * readings > allowed:
                return False
        self._spent += self._cost * readings
        return True
