"""Which leaks are known, so that only new ones fail? A file of entries, each with its reason."""

from pytest_leakguard.baseline.entries import KnownLeak
from pytest_leakguard.baseline.judging import Baseline, gone
from pytest_leakguard.baseline.reading import read_known

__all__ = ["Baseline", "KnownLeak", "gone", "read_known"]
