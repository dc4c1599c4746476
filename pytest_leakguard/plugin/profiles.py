"""Where do a session's profiles of leaking tests go, and how is one repeated by hand?"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.keeping import Retention
from pytest_leakguard.model import Result
from pytest_leakguard.plugin.arguments import PROFILE_DIRECTORY, PROFILERS, SETTINGS
from pytest_leakguard.plugin.lookup import look_up, path_of, require_writable, shown_as
from pytest_leakguard.plugin.markers import Plan
from pytest_leakguard.profiles.keeping import Cabinet
from pytest_leakguard.runner import Profiler
from pytest_leakguard.settings import require_memray
from pytest_leakguard.units import parse_count

_REMOVED = "removed to make room for later ones: --leak-profile-keep=N keeps more"
_SWITCHES = ("native-trace", "isolate")


def resolve_cabinet(config: pytest.Config, place: str, value: object) -> Cabinet:
    """Return where profiles go.

    Args:
        config: The session's configuration.
        place: How profiles were asked for.
        value: By which profiler.

    Raises:
        InvalidSettingError: There is no such profiler, or the directory cannot be written.
        MissingPackageError: It is not installed.
    """
    if value not in PROFILERS:
        raise InvalidSettingError(place, value, " or ".join(PROFILERS))
    require_memray(place)
    place, given = look_up(config, "profile-dir")
    directory = (
        config.rootpath / PROFILE_DIRECTORY if given is None else path_of(config, place, given)
    )
    # It is made when something leaks.
    probe = directory / "probe" if directory.exists() else directory
    require_writable(place, shown_as(config, directory), probe)
    kept: dict[str, int] = {}
    place, value = look_up(config, "profile-keep")
    if value is not None:
        kept["most"] = parse_count(place, value, minimum=1)
    return Cabinet(directory, Retention(**kept))


def profiler_of(item: pytest.Item, cabinet: Cabinet, plan: Plan) -> Profiler:
    """Return what profiles a test.

    Args:
        item: The test.
        cabinet: Where its profile goes.
        plan: How it was checked.
    """
    from pytest_leakguard.profiles.taking import Profiler as Taking  # heavy: only for leaks

    command = [*_command(item.config, _relative(item)), *_settings(item.config, plan)]
    return Taking(cabinet, test=item.nodeid, command=shlex.join(command))


def _relative(item: pytest.Item) -> str:
    """Return a test's node id as one gives it where pytest was called."""
    file, separator, rest = item.nodeid.partition("::")
    config = item.config
    path = os.path.relpath(config.rootpath / file, config.invocation_params.dir)
    return f"{Path(path).as_posix()}{separator}{rest}"


def still_there(result: Result) -> Result:
    """Name no profile that has been removed since, to make room for later ones."""
    profile = result.profile
    if profile is None or not profile.files or all(map(os.path.exists, profile.files.values())):
        return result
    return replace(result, profile=replace(profile, files={}, problem=_REMOVED))


def _command(config: pytest.Config, test: str) -> Iterator[str]:
    """Return what runs a test in pytest as it is run here.

    What a session writes beside is left out: it would replace the files of the whole suite.
    """
    yield from ("python", "-m", "pytest", test)
    for plugin in config.getoption("plugins", None) or ():
        yield from ("-p", plugin)
    if (file := config.getoption("inifilename", None)) is not None:
        yield from ("-c", str(file))
    if (directory := config.getoption("rootdir", None)) is not None:
        yield f"--rootdir={directory}"
    if (mode := config.getoption("importmode", "prepend")) != "prepend":
        yield f"--import-mode={mode}"
    for override in config.getoption("override_ini", None) or ():
        yield from ("-o", override)


def _settings(config: pytest.Config, plan: Plan) -> Iterator[str]:
    """Return the options by which a test is checked and profiled as it is here."""
    if plan.kind == "suite":
        yield "--leak-check"
    for name in (*(name for name, _, _ in SETTINGS), "profile", "profile-dir", "profile-keep"):
        value = config.getoption(f"leak_{name.replace('-', '_')}")
        if value is not None:
            yield f"--leak-{name}={value}"
    for name in _SWITCHES:
        if config.getoption(f"leak_{name.replace('-', '_')}"):
            yield f"--leak-{name}"
