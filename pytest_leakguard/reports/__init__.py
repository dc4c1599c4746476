"""How are results written? Values in, text out: nothing here measures, filters or decides."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from pytest_leakguard.reports.facts import SelfCheck, SessionFacts, TestOutcome

__all__ = ["SelfCheck", "SessionFacts", "TestOutcome", "renderer_of"]


def renderer_of(form: str) -> Callable[[SessionFacts, Path], str]:
    """Return what writes a session in a format: facts and root directory to text.

    Each format is a module of its own here, imported when it is asked for.
    """
    module = import_module(f"{__name__}.{form}")
    renderer: Callable[[SessionFacts, Path], str] = getattr(module, f"render_{form}")
    return renderer
