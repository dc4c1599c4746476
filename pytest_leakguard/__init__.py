"""Memory-leak regression testing: is anything left behind when a test has run?"""

from __future__ import annotations

from pytest_leakguard.api import Checker, check
from pytest_leakguard.errors import InvalidSettingError, LeakguardError
from pytest_leakguard.model import Finding, Frame, Result, Settings, Share, Step

__all__ = [
    "Checker",
    "Finding",
    "Frame",
    "InvalidSettingError",
    "LeakguardError",
    "Result",
    "Settings",
    "Share",
    "Step",
    "check",
]
