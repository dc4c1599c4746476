"""How are results written? Values in, text out: nothing here measures, filters or decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pytest_leakguard.errors import MissingPackageError
from pytest_leakguard.reports.facts import SelfCheck, SessionFacts, TestOutcome

__all__ = ["SelfCheck", "SessionFacts", "TestOutcome", "renderer_of", "require_packages"]

#: The extra that brings what a format needs, and the packages.
_NEEDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "html": ("html", ("jinja2", "leather")),
    "openmetrics": ("prometheus", ("prometheus_client",)),
    "prometheus": ("prometheus", ("prometheus_client",)),
}
#: Modules that write several formats.
_MODULES: Mapping[str, str] = {"prometheus": "openmetrics"}
#: Formats with links to other files.
_LINKING = frozenset({"html"})


def require_packages(form: str, setting: str) -> None:
    """Make sure that a format can be written here.

    Args:
        form: The format.
        setting: Where it was asked for.

    Raises:
        MissingPackageError: A package is missing that writes it.
    """
    extra, packages = _NEEDS.get(form, ("", ()))
    for package in packages:
        if find_spec(package) is None:
            raise MissingPackageError(setting, package, extra=extra)


def renderer_of(form: str, target: Path | None = None) -> Callable[[SessionFacts, Path], str]:
    """Return what writes a session in a format: facts and root directory to text.

    Its module is imported when the format is asked for.

    Args:
        form: The format.
        target: Where the text goes: links in it start there, and there are none without.
    """
    module = import_module(f"{__name__}.{_MODULES.get(form, form)}")
    renderer: Callable[..., str] = getattr(module, f"render_{form}")
    return partial(renderer, target=target) if form in _LINKING else renderer
