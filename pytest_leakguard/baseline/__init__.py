"""Which leaks are known, so that only new ones fail? A file of entries, each with its reason."""

from pytest_leakguard.baseline.comparing import Base, Comparison, compare, read_base
from pytest_leakguard.baseline.entries import KnownLeak
from pytest_leakguard.baseline.judging import Baseline, gone
from pytest_leakguard.baseline.reading import read_known

__all__ = [
    "Base",
    "Baseline",
    "Comparison",
    "KnownLeak",
    "compare",
    "gone",
    "read_base",
    "read_known",
]
