"""What was an option given, on the command line or in an ini file, and which path does it mean?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_leakguard.errors import InvalidSettingError


def look_up(config: pytest.Config, name: str) -> tuple[str, Any]:
    """Return an option as the user spelled it, and its value; ``None`` if it was not given."""
    dest = f"leak_{name.replace('-', '_')}"
    if (value := config.getoption(dest)) is not None:
        return f"--leak-{name}", value
    return f"{dest} in {_ini_name(config)}", _ini_value(config, dest)


def _ini_name(config: pytest.Config) -> str:
    return config.inipath.name if config.inipath is not None else "the ini file"


def _ini_value(config: pytest.Config, name: str) -> Any:
    try:
        value = config.getini(name)
    except (TypeError, pytest.UsageError):
        value = _native_value(config, name)
        if value is None:
            raise
    return value if value not in ("", []) else None


def _native_value(config: pytest.Config, name: str) -> Any:
    """Read from the file a value of another type than declared; ``None`` if it has none.

    Native TOML may hold a number where an ini file holds a string. pytest 9 refuses that, and has
    no public name for the value itself.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # there pytest itself requires it
    if config.inipath is None:
        return None
    document = tomllib.loads(config.inipath.read_text(encoding="utf-8"))
    native = document.get("tool", {}).get("pytest", {})
    return {**document.get("pytest", {}), **native}.get(name)


def path_of(config: pytest.Config, place: str, value: object) -> Path:
    """Return a path, relative to where pytest was called, or to the root from an ini file."""
    if not isinstance(value, str):
        raise InvalidSettingError(place, value, "a path")
    given = place.startswith("--") or config.inipath is None
    return (config.invocation_params.dir if given else config.rootpath) / Path(value).expanduser()


def shown_as(config: pytest.Config, path: Path) -> str:
    """Return a path as messages name it: relative to the root directory, where it lies below."""
    relative = os.path.relpath(path, config.rootpath)
    return str(path) if relative.startswith("..") else Path(relative).as_posix()


def require_writable(place: str, value: str, target: Path) -> None:
    """Make sure that a file can be written, and make the directory that it lies in.

    Raises:
        InvalidSettingError: It cannot.
    """
    accepted = "a path that can be written"
    if target.is_dir():
        raise InvalidSettingError(place, value, f"{accepted}, not a directory")
    if target.exists() and not target.is_file():  # a pipe or a device: it has no neighbours
        return
    probe = target.with_name(f".{target.name}.probe")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink(missing_ok=True)  # another session may try at the same time
    except OSError as error:
        raise InvalidSettingError(place, value, f"{accepted} ({error.strerror})") from None
