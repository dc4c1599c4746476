"""Memory-leak regression testing: is anything left behind when a test has run?"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_leakguard.api import Checker, check
    from pytest_leakguard.errors import (
        InvalidSettingError,
        LeakFoundError,
        LeakguardError,
        NotMeasuredError,
        UnsupportedInterpreterError,
    )
    from pytest_leakguard.evidence import Profile, Soak, TracedRun, Trend
    from pytest_leakguard.exemptions import Exempted, Exemption
    from pytest_leakguard.inside import (
        Measurement,
        RoundTrip,
        RoundTrips,
        assert_collected,
        measure,
        round_trip,
        round_trips,
        survivors,
    )
    from pytest_leakguard.memory_table import MemoryTable
    from pytest_leakguard.model import Bound, Finding, Frame, NativeFrame, Result, Share, Step
    from pytest_leakguard.settings import Settings

__all__ = [
    "Bound",
    "Checker",
    "Exempted",
    "Exemption",
    "Finding",
    "Frame",
    "InvalidSettingError",
    "LeakFoundError",
    "LeakguardError",
    "Measurement",
    "MemoryTable",
    "NativeFrame",
    "NotMeasuredError",
    "Profile",
    "Result",
    "RoundTrip",
    "RoundTrips",
    "Settings",
    "Share",
    "Soak",
    "Step",
    "TracedRun",
    "Trend",
    "UnsupportedInterpreterError",
    "assert_collected",
    "check",
    "measure",
    "round_trip",
    "round_trips",
    "survivors",
]

_HOMES = {
    **dict.fromkeys(("Checker", "check"), "api"),
    **dict.fromkeys(
        (
            "InvalidSettingError",
            "LeakFoundError",
            "LeakguardError",
            "NotMeasuredError",
            "UnsupportedInterpreterError",
        ),
        "errors",
    ),
    **dict.fromkeys(
        (
            "Measurement",
            "RoundTrip",
            "RoundTrips",
            "assert_collected",
            "measure",
            "round_trip",
            "round_trips",
            "survivors",
        ),
        "inside",
    ),
    **dict.fromkeys(("Exempted", "Exemption"), "exemptions"),
    **dict.fromkeys(
        (
            "Bound",
            "Finding",
            "Frame",
            "NativeFrame",
            "Result",
            "Share",
            "Step",
        ),
        "model",
    ),
    "MemoryTable": "memory_table",
    **dict.fromkeys(("Profile", "Soak", "TracedRun", "Trend"), "evidence"),
    "Settings": "settings",
}
#: Modules of which nothing works without CPython.
_MEASURING = frozenset({"api", "inside"})


def __getattr__(name: str) -> Any:  # whatever the name stands for
    """Import a public name when it is first asked for.

    pytest imports this package in every session, and a session that checks nothing shall not pay
    for what measuring needs.
    """
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if home in _MEASURING:
        from pytest_leakguard.interpreter import require_cpython

        require_cpython()
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
