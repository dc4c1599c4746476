"""How are results written? Values in, text out: nothing here measures, filters or decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pytest_leakguard.reports.facts import SelfCheck, SessionFacts, TestOutcome
from pytest_leakguard.reports.json import render_json

__all__ = ["RENDERERS", "SelfCheck", "SessionFacts", "TestOutcome"]

#: Format name to its renderer: facts and root directory to text.
RENDERERS: Mapping[str, Callable[[SessionFacts, Path], str]] = {"json": render_json}
