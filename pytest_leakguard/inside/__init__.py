"""What can a test ask from the inside, or any Python? Loops, blocks and objects that are judged.

The calling code is not a callable that can be run again: a loop's body is run by the loop itself,
in its own frame, and a block only once.
"""

from __future__ import annotations

from pytest_leakguard.inside.block import RoundTrip, round_trip
from pytest_leakguard.inside.loop import RoundTrips, round_trips
from pytest_leakguard.inside.measurement import Measurement, measure
from pytest_leakguard.inside.objects import assert_collected, survivors

__all__ = [
    "Measurement",
    "RoundTrip",
    "RoundTrips",
    "assert_collected",
    "measure",
    "round_trip",
    "round_trips",
    "survivors",
]
