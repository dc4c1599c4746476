"""What do other plugins keep of each run, for reports and comparisons of their own?

A test is not to blame for what a plugin notes of it. What it is told by: no line of the user's
stands between pytest and the allocation or makes the holder grow, and the outermost line is a
plugin's. The user's own ``conftest.py`` is a plugin as well, where the outermost line is a hook's
and all others are in files beside it that hold no tests. What coverage notes of each file is told
by where it is kept: a thread that lives on from the first run is still watched in re-runs.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
import types
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, final

import pytest

from pytest_leakguard.exemptions import Exempted
from pytest_leakguard.model import OF_BYTES, Finding, Frame, Result
from pytest_leakguard.ownership import is_library

#: Counters of what is never excused.
_RESOURCES = ("fds", "threads", "tasks", "children", "temp_files")
_INSTALLED = ("site-packages", "dist-packages")
_HOOK = "pytest_"
#: Those in which a test or a fixture may run.
_RUNNING = frozenset(
    {"pytest_pyfunc_call", "pytest_runtest_call", "pytest_runtest_protocol", "pytest_fixture_setup"}
)
_HARNESS = frozenset({"_pytest", "pluggy", "pytest"})
#: A tool that notes what runs, which any line may be.
_COVERAGE = "coverage"
#: The name with which a requirement begins (PEP 508).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Keepers:
    """Who may keep notes of what tests do.

    Attributes:
        packages: Distributions of plugins, and coverage while it measures, by top-level package.
        files: Files of the plugins that the user has written, such as ``conftest.py``, or that of
            the class of an object that is registered.
    """

    packages: Mapping[str, str]
    files: frozenset[str]


def keepers(config: pytest.Config) -> Keepers:
    """Return who may keep notes in a session."""
    packages = {
        plugin.__name__.partition(".")[0]: distribution.project_name
        for plugin, distribution in config.pluginmanager.list_plugin_distinfo()
        if isinstance(plugin, types.ModuleType)
    }
    coverage: Any = sys.modules.get(_COVERAGE)
    if coverage is not None and coverage.Coverage.current() is not None:
        packages[_COVERAGE] = _COVERAGE
    files = {
        path
        for plugin in config.pluginmanager.get_plugins()
        if (module := _module_of(plugin)) is not None
        and not is_library(module)
        and isinstance(path := getattr(module, "__file__", None), str)
    }
    return Keepers(packages=packages, files=frozenset(files))


def _module_of(plugin: object) -> types.ModuleType | None:
    """Return the module that a plugin is, or that its class is defined in."""
    if isinstance(plugin, types.ModuleType):
        return plugin
    return sys.modules.get(type(plugin).__module__)


def without_bookkeeping(result: Result, who: Keepers) -> Result:
    """Return a verdict without the findings that are plugins' own, which are listed as ignored.

    Args:
        result: Any verdict.
        who: Who may keep notes.
    """
    if result.verdict != "leak" or any(result.growth.get(name) for name in _RESOURCES):
        return result
    found = {finding: _keeper(finding, who) for finding in result.findings}
    kept = Counter((one.holder, keeper) for one, keeper in found.items() if keeper)
    if not kept:
        return result
    ignored = tuple(
        Exempted(holder, f"kept by {keeper} for itself", number)
        for (holder, keeper), number in kept.items()
    )
    result = replace(
        result,
        findings=tuple(finding for finding, keeper in found.items() if not keeper),
        ignored=(*result.ignored, *ignored),
    )
    if result.findings:
        return result
    names = ", ".join(sorted({keeper for _, keeper in kept}))
    return replace(result, verdict="clean", reason=f"only {names} keeps something")


def _keeper(finding: Finding, who: Keepers) -> str:
    """Return the plugin that keeps what was found, in words; empty if none does."""
    frames = finding.allocated or finding.grown
    if not frames:
        return ""
    tops = (_top_level(finding.holder), _top_level(frames[0].module))
    if _COVERAGE in who.packages and _COVERAGE in tops:
        return f"the plugin {_COVERAGE}"
    if hook := _hook(finding, who.files):
        return hook
    distribution = who.packages.get(_top_level(frames[-1].module))
    if distribution is None or not all(map(_is_installed, (*frames, *finding.grown))):
        return ""
    # What a plugin makes or runs, the code under test may keep: an instance of a test's class, a
    # running loop, what a server's thread is asked for. A plugin keeps it in its own package.
    modules = [finding.holder, *(one.module for one in (*frames, *finding.grown))]
    if not all(_is_of_plugin(_top_level(name), distribution) for name in modules):
        return ""
    return f"the plugin {distribution}"


def _is_of_plugin(package: str, distribution: str) -> bool:
    """Tell whether a package belongs to a plugin, to what it needs, or to the interpreter."""
    if package in _HARNESS or package in sys.stdlib_module_names:
        return True
    if package in sys.modules and not is_library(sys.modules[package]):
        return False
    owners = _distributions(package)
    return not owners or not owners.isdisjoint(_needed_by(distribution))


@cache
def _distributions(package: str) -> frozenset[str]:
    """Return the distributions that a package is installed by; none for what is no package."""
    found = importlib.metadata.packages_distributions().get(package, ())
    return frozenset(map(_normalised, found))


@cache
def _needed_by(distribution: str) -> frozenset[str]:
    """Return a distribution and all that it needs, extras left aside."""
    needed: set[str] = set()
    pending = [_normalised(distribution)]
    while pending:
        name = pending.pop()
        if name in needed:
            continue
        needed.add(name)
        with suppress(importlib.metadata.PackageNotFoundError):
            pending += [
                _normalised(found[0])
                for requirement in importlib.metadata.requires(name) or ()
                if "extra ==" not in requirement and (found := _NAME.match(requirement))
            ]
    return frozenset(needed)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _hook(finding: Finding, files: frozenset[str]) -> str:
    """Return the user's hook that keeps what was found, in words; empty if none does."""
    # What pytest itself allocates, such as a report, is kept by whose line makes a holder grow.
    lines = [one for one in finding.allocated if _top_level(one.module) not in _HARNESS]
    frames = lines or finding.grown
    if finding.type in OF_BYTES or not frames or frames[-1].file not in files:
        return ""
    beside = {os.path.dirname(file) for file in files}
    function = frames[-1].function.rpartition(".")[2]
    if not function.startswith(_HOOK):
        return ""
    others = [frame for frame in frames if frame.file not in files]
    if others and (function in _RUNNING or not all(_is_beside(one, beside) for one in others)):
        return ""
    return f"{function} of {os.path.basename(frames[-1].file)}"


def _is_beside(frame: Frame, directories: set[str]) -> bool:
    """Tell whether a line stands in a file of some directories that holds no tests."""
    directory, name = os.path.split(frame.file)
    return directory in directories and not name.startswith("test_") and "_test." not in name


def _top_level(name: str) -> str:
    return name.partition(".")[0]


def _is_installed(frame: Frame) -> bool:
    return any(part in frame.file for part in _INSTALLED)
