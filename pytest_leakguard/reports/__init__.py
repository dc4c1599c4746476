"""How are results written? Values in, text out: nothing here measures, filters or decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pytest_leakguard.errors import MissingPackageError
from pytest_leakguard.reports.facts import SelfCheck, SessionFacts, TestOutcome

__all__ = ["SelfCheck", "SessionFacts", "TestOutcome", "renderer_of", "require_packages"]

#: Packages that a format needs; the extra that brings them is called as the format.
_PACKAGES: Mapping[str, tuple[str, ...]] = {"html": ("jinja2", "leather")}


def require_packages(form: str, setting: str) -> None:
    """Make sure that a format can be written here.

    Args:
        form: The format.
        setting: Where it was asked for.

    Raises:
        MissingPackageError: A package is missing that writes it.
    """
    for package in _PACKAGES.get(form, ()):
        if find_spec(package) is None:
            raise MissingPackageError(setting, package, extra=form)


def renderer_of(form: str) -> Callable[[SessionFacts, Path], str]:
    """Return what writes a session in a format: facts and root directory to text.

    Each format is a module of its own here, imported when it is asked for.
    """
    module = import_module(f"{__name__}.{form}")
    renderer: Callable[[SessionFacts, Path], str] = getattr(module, f"render_{form}")
    return renderer
