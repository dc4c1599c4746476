"""What do command line, ini files and defaults say together?"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_leakguard.errors import InvalidSettingError, UnusableHistoryError
from pytest_leakguard.plugin.arguments import (
    FAIL_ON,
    KNOWN_FILE,
    MODES,
    REPORT_FORMATS,
    SETTINGS,
    SNAPSHOT_SIGNALS,
    FailOn,
    Mode,
)
from pytest_leakguard.settings import Settings, parse_setting
from pytest_leakguard.units import parse_count, parse_duration, parse_percentage

if TYPE_CHECKING:
    from pytest_leakguard.baseline import Base, KnownLeak
    from pytest_leakguard.exporters import Target
    from pytest_leakguard.plugin.choice import Changed, Sample
    from pytest_leakguard.repository import Revision
    from pytest_leakguard.snapshots.keeping import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """The file of known leaks.

    Attributes:
        path: Where it is; there may be none yet if it is updated.
        shown: How messages name it.
        entries: What it says.
        updates: Whether it is brought up to date at the end.
    """

    path: Path
    shown: str
    entries: tuple[KnownLeak, ...]
    updates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFile:
    """The history that this session is added to.

    Attributes:
        path: Where it is; there may be none yet.
        shown: How messages name it.
        revision: What was checked out when the session began.
    """

    path: Path
    shown: str
    revision: Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotDirectory:
    """Where snapshots of the heap are saved.

    Attributes:
        path: The directory.
        shown: How messages name it.
        retention: Which of them stay.
        signal: The signal that has one taken; ``None`` for none.
    """

    path: Path
    shown: str
    retention: Retention
    signal: signal.Signals | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a session was asked for.

    Attributes:
        mode: Which tests are checked.
        asked: Whether a mode was given at all; if not, the header stays silent.
        settings: Defaults for every checked test.
        reports: Report formats and where they are written.
        sample: Which share of the tests a whole-suite check is restricted to.
        changed: Which files it is restricted to.
        budget: How long its checks may take, in seconds.
        fail_on: What it fails on.
        known: The known leaks; ``None`` without a file of them.
        base: The earlier session that it is held against; ``None`` without one.
        graphs: Where retention paths are drawn; ``None`` if they are not.
        snapshots: Where snapshots of the heap are saved; ``None`` if none are taken.
        exports: Where the session's numbers are sent.
        history: The history that it is added to; ``None`` without one, and in a process of
            pytest-xdist that only runs tests.
    """

    mode: Mode
    asked: bool
    settings: Settings
    reports: tuple[tuple[str, Path], ...]
    sample: Sample | None = None
    changed: Changed | None = None
    budget: float | None = None
    fail_on: frozenset[FailOn] = frozenset({"leak"})
    known: KnownFile | None = None
    base: Base | None = None
    graphs: Path | None = None
    snapshots: SnapshotDirectory | None = None
    exports: tuple[Target, ...] = ()
    history: HistoryFile | None = None


def resolve(config: pytest.Config) -> Options:
    """Put command line, ini files and defaults together.

    Raises:
        pytest.UsageError: A value does not fit; the text names option, value and what is accepted.
    """
    try:
        mode, asked = _resolve_mode(config)
        given: dict[str, Any] = {}
        for name in (*(name for name, _, _ in SETTINGS), "ignore", "native-trace", "isolate"):
            field = name.replace("-", "_")
            place, value = _lookup(config, name)
            if value is not None:
                given[field] = parse_setting(field, value, place=place)
        return Options(
            mode=mode,
            asked=asked,
            settings=Settings(**given),
            reports=_resolve_reports(config),
            fail_on=_resolve_fail_on(config),
            known=_resolve_known(config) if mode != "off" else None,
            base=_resolve_base(config) if mode != "off" else None,
            graphs=_resolve_graphs(config),
            snapshots=_resolve_snapshots(config),
            exports=_resolve_exports(config) if mode != "off" else (),
            history=_resolve_history(config) if mode != "off" else None,
            **(_resolve_choices(config) if mode == "all" else {}),
        )
    except InvalidSettingError as error:
        raise pytest.UsageError(str(error)) from None


def _lookup(config: pytest.Config, name: str) -> tuple[str, Any]:
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


def _resolve_mode(config: pytest.Config) -> tuple[Mode, bool]:
    place, value = _lookup(config, "mode")
    if value is None:
        return "marked", False
    if value not in MODES:
        raise InvalidSettingError(place, value, f"one of {', '.join(MODES)}")
    return value, True


def _resolve_choices(config: pytest.Config) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    place, value = _lookup(config, "budget")
    if value is not None:
        chosen["budget"] = parse_duration(place, value)
    place, value = _lookup(config, "sample")
    if value is not None:
        from pytest_leakguard.plugin.choice import Sample

        percent = parse_percentage(place, value)
        place, value = _lookup(config, "sample-seed")
        if value is None:  # workers of pytest-xdist are given the options
            value = config.option.leak_sample_seed = int.from_bytes(os.urandom(4), "big")
        seed = parse_count(place, value, minimum=0)
        chosen["sample"] = Sample(percent=percent, seed=seed)
    place, value = _lookup(config, "changed")
    if value is not None:
        from pytest_leakguard.plugin.choice import Changed

        chosen["changed"] = Changed(place, str(value), config.rootpath)
    return chosen


def _resolve_fail_on(config: pytest.Config) -> frozenset[FailOn]:
    place, value = _lookup(config, "fail-on")
    if value is None:
        return frozenset({"leak"})
    texts = value if isinstance(value, list) else [value]
    names = {name.strip() for text in texts for name in str(text).split(",")}
    if names == {"none"}:
        return frozenset()
    if not names <= {*FAIL_ON}:
        accepted = f"{', '.join(FAIL_ON)}, separated by commas, or none"
        raise InvalidSettingError(place, value, accepted)
    return frozenset(name for name in FAIL_ON if name in names)


def _resolve_known(config: pytest.Config) -> KnownFile | None:
    place, value = _lookup(config, "known")
    updates = bool(config.getoption("leak_update_known"))
    if value is None:
        path = config.rootpath / KNOWN_FILE
        if not (updates or path.is_file()):
            return None
    else:
        path = _path(config, place, value)
        if not (updates or path.is_file()):
            accepted = "a file of known leaks; --leak-update-known makes one"
            raise InvalidSettingError(place, value, accepted)
    from pytest_leakguard.baseline import read_known

    shown = _shown(config, path)
    if updates:
        _require_writable("--leak-update-known", shown, path.resolve())
    entries = read_known(path, shown) if path.exists() else ()
    return KnownFile(path=path, shown=shown, entries=entries, updates=updates)


def _resolve_base(config: pytest.Config) -> Base | None:
    place, value = _lookup(config, "compare")
    if value is None:
        return None
    from pytest_leakguard.baseline import read_base

    path = _path(config, place, value)
    return read_base(path, _shown(config, path), place)


def _resolve_exports(config: pytest.Config) -> tuple[Target, ...]:
    place, values = _lookup(config, "export")
    if values is None or hasattr(config, "workerinput"):
        return ()
    from pytest_leakguard.exporters import parse_target

    texts = values if isinstance(values, list) else [values]
    return tuple(parse_target(place, str(text)) for text in texts)


def _resolve_graphs(config: pytest.Config) -> Path | None:
    place, value = _lookup(config, "graph")
    if value is None:
        return None
    path = _path(config, place, value)
    _require_writable(place, value, path / "graph.dot")
    return path


def _resolve_snapshots(config: pytest.Config) -> SnapshotDirectory | None:
    place, value = _lookup(config, "snapshots")
    if value is None:
        return None
    from pytest_leakguard.snapshots.keeping import Retention

    path = _path(config, place, value)
    _require_writable(place, value, path / "probe.leaksnap")
    kept: dict[str, Any] = {}
    place, value = _lookup(config, "snapshots-keep")
    if value is not None:
        kept["most"] = parse_count(place, value, minimum=1)
    place, value = _lookup(config, "snapshots-age")
    if value is not None and not (age := parse_duration(place, value)):
        raise InvalidSettingError(place, value, "a time above 0, such as '24 h'")
    if value is not None:
        kept["age"] = age
    return SnapshotDirectory(
        path=path,
        shown=_shown(config, path),
        retention=Retention(**kept),
        signal=_resolve_signal(*_lookup(config, "snapshots-signal")),
    )


def _resolve_signal(place: str, value: object) -> signal.Signals | None:
    default = value is None
    name = "SIGUSR2" if default else str(value).upper()
    if name == "NONE":
        return None
    name = name if name.startswith("SIG") else f"SIG{name}"
    found = getattr(signal, name, None) if name in SNAPSHOT_SIGNALS else None
    if found is None and not default:
        there = [one for one in SNAPSHOT_SIGNALS if hasattr(signal, one)]
        raise InvalidSettingError(place, value, f"one of {', '.join([*there, 'none'])}")
    return found


def _resolve_history(config: pytest.Config) -> HistoryFile | None:
    place, value = _lookup(config, "history")
    if value is None or hasattr(config, "workerinput"):
        return None
    try:
        from pytest_leakguard.history.database import require_usable
    except ImportError:  # a Python can be built without it
        raise InvalidSettingError(place, value, "a Python that has sqlite3") from None
    from pytest_leakguard.repository import revision_of

    path = _path(config, place, value)
    shown = _shown(config, path)
    _require_writable(place, shown, path.resolve())
    try:
        require_usable(path)
    except UnusableHistoryError as error:
        accepted = f"a history, or a path where there is nothing yet ({error.reason})"
        raise InvalidSettingError(place, shown, accepted) from None
    return HistoryFile(path=path, shown=shown, revision=revision_of(config.rootpath))


def _path(config: pytest.Config, place: str, value: object) -> Path:
    """Return a path, relative to where pytest was called, or to the root from an ini file."""
    if not isinstance(value, str):
        raise InvalidSettingError(place, value, "a path")
    given = place.startswith("--") or config.inipath is None
    return (config.invocation_params.dir if given else config.rootpath) / Path(value).expanduser()


def _shown(config: pytest.Config, path: Path) -> str:
    shown = os.path.relpath(path, config.rootpath)
    return str(path) if shown.startswith("..") else Path(shown).as_posix()


def _resolve_reports(config: pytest.Config) -> tuple[tuple[str, Path], ...]:
    place, values = _lookup(config, "report")
    reports: list[tuple[str, Path]] = []
    for value in values if isinstance(values, list) else [] if values is None else [values]:
        form, separator, path = str(value).partition(":")
        if not separator or not path or form not in REPORT_FORMATS:
            accepted = "FORMAT:PATH with a format of " + ", ".join(REPORT_FORMATS)
            raise InvalidSettingError(place, value, accepted)
        from pytest_leakguard.reports import require_packages

        require_packages(form, f"{place}: {form}")
        target = config.invocation_params.dir / Path(path).expanduser()
        _require_writable(place, value, target)
        reports.append((form, target))
    return tuple(reports)


def _require_writable(place: str, value: str, target: Path) -> None:
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
