"""What do other plugins keep of each run, for reports and comparisons of their own?

A test is not to blame for what a plugin notes of it. What it is told by: no line of the user's
stands between pytest and the allocation, and the outermost line is a plugin's. What coverage notes
of each file is told by where it is kept: a thread that lives on from the first run is still watched
in re-runs.
"""

from __future__ import annotations

import sys
import types
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pytest_leakguard.exemptions import Exempted
from pytest_leakguard.model import Finding, Frame, Result

#: Counters of what is never excused.
_RESOURCES = ("fds", "threads", "tasks", "children", "temp_files")
_INSTALLED = ("site-packages", "dist-packages")
#: A tool that notes what runs, which any line may be.
_COVERAGE = "coverage"


def plugin_packages(config: pytest.Config) -> Mapping[str, str]:
    """Return the names of the distributions that note what tests do, by top-level package.

    They are those of plugins, and coverage while it measures.
    """
    packages = {
        plugin.__name__.partition(".")[0]: distribution.project_name
        for plugin, distribution in config.pluginmanager.list_plugin_distinfo()
        if isinstance(plugin, types.ModuleType)
    }
    coverage: Any = sys.modules.get(_COVERAGE)
    if coverage is not None and coverage.Coverage.current() is not None:
        packages[_COVERAGE] = _COVERAGE
    return packages


def without_bookkeeping(result: Result, packages: Mapping[str, str]) -> Result:
    """Return a verdict without the findings that are plugins' own, which are listed as ignored.

    Args:
        result: Any verdict.
        packages: Distributions of plugins by their top-level package.
    """
    if result.verdict != "leak" or any(result.growth.get(name) for name in _RESOURCES):
        return result
    keepers = {finding: _keeper(finding, packages) for finding in result.findings}
    kept = Counter((one.holder, keeper) for one, keeper in keepers.items() if keeper)
    if not kept:
        return result
    ignored = tuple(
        Exempted(holder, f"kept by the plugin {keeper} for itself", number)
        for (holder, keeper), number in kept.items()
    )
    result = replace(
        result,
        findings=tuple(finding for finding, keeper in keepers.items() if not keeper),
        ignored=(*result.ignored, *ignored),
    )
    if result.findings:
        return result
    names = ", ".join(sorted({keeper for _, keeper in kept}))
    return replace(result, verdict="clean", reason=f"only the plugin {names} keeps something")


def _keeper(finding: Finding, packages: Mapping[str, str]) -> str:
    """Return the distribution of the plugin that keeps what was found; empty if none does."""
    innermost = finding.allocated[0].module if finding.allocated else ""
    if _COVERAGE in packages and _COVERAGE in (_top_level(finding.holder), _top_level(innermost)):
        return _COVERAGE
    if not finding.allocated or not all(map(_is_installed, finding.allocated)):
        return ""
    return packages.get(_top_level(finding.allocated[-1].module), "")


def _top_level(name: str) -> str:
    return name.partition(".")[0]


def _is_installed(frame: Frame) -> bool:
    return any(part in frame.file for part in _INSTALLED)
