"""What do command line, ini files and defaults say together?"""

from __future__ import annotations

import os
import signal
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
from pytest_leakguard.plugin.lookup import look_up, path_of, require_writable, shown_as
from pytest_leakguard.settings import Settings, parse_setting, parse_switch
from pytest_leakguard.units import parse_count, parse_duration, parse_percentage

if TYPE_CHECKING:
    from pytest_leakguard.baseline import Base, KnownLeak
    from pytest_leakguard.exporters import Target
    from pytest_leakguard.keeping import Retention
    from pytest_leakguard.plugin.choice import Changed, Sample
    from pytest_leakguard.profiles.keeping import Cabinet
    from pytest_leakguard.repository import Revision


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
        monitor: Whether the whole session is watched.
        snapshots: Where snapshots of the heap are saved; ``None`` if none are taken.
        profile: Where profiles of leaking tests go; ``None`` if none are taken.
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
    monitor: bool = False
    snapshots: SnapshotDirectory | None = None
    profile: Cabinet | None = None
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
            place, value = look_up(config, name)
            if value is not None:
                given[field] = parse_setting(field, value, place=place)
        for name, field in (("soak", "duration"), ("soak-workers", "workers")):
            place, value = look_up(config, name)
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
            monitor=_resolve_monitor(config),
            snapshots=_resolve_snapshots(config),
            profile=_resolve_profile(config) if mode != "off" else None,
            exports=_resolve_exports(config) if mode != "off" else (),
            history=_resolve_history(config) if mode != "off" else None,
            **(_resolve_choices(config) if mode == "all" else {}),
        )
    except InvalidSettingError as error:
        raise pytest.UsageError(str(error)) from None


def _resolve_mode(config: pytest.Config) -> tuple[Mode, bool]:
    place, value = look_up(config, "mode")
    if value is None:
        return "marked", False
    if value not in MODES:
        raise InvalidSettingError(place, value, f"one of {', '.join(MODES)}")
    return value, True


def _resolve_choices(config: pytest.Config) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    place, value = look_up(config, "budget")
    if value is not None:
        chosen["budget"] = parse_duration(place, value)
    place, value = look_up(config, "sample")
    if value is not None:
        from pytest_leakguard.plugin.choice import Sample

        percent = parse_percentage(place, value)
        place, value = look_up(config, "sample-seed")
        if value is None:  # workers of pytest-xdist are given the options
            value = config.option.leak_sample_seed = int.from_bytes(os.urandom(4), "big")
        seed = parse_count(place, value, minimum=0)
        chosen["sample"] = Sample(percent=percent, seed=seed)
    place, value = look_up(config, "changed")
    if value is not None:
        from pytest_leakguard.plugin.choice import Changed

        chosen["changed"] = Changed(place, str(value), config.rootpath)
    return chosen


def _resolve_fail_on(config: pytest.Config) -> frozenset[FailOn]:
    place, value = look_up(config, "fail-on")
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
    place, value = look_up(config, "known")
    updates = bool(config.getoption("leak_update_known"))
    if value is None:
        path = config.rootpath / KNOWN_FILE
        if not (updates or path.is_file()):
            return None
    else:
        path = path_of(config, place, value)
        if not (updates or path.is_file()):
            accepted = "a file of known leaks; --leak-update-known makes one"
            raise InvalidSettingError(place, value, accepted)
    from pytest_leakguard.baseline import read_known

    shown = shown_as(config, path)
    if updates:
        require_writable("--leak-update-known", shown, path.resolve())
    entries = read_known(path, shown) if path.exists() else ()
    return KnownFile(path=path, shown=shown, entries=entries, updates=updates)


def _resolve_base(config: pytest.Config) -> Base | None:
    place, value = look_up(config, "compare")
    if value is None:
        return None
    from pytest_leakguard.baseline import read_base

    path = path_of(config, place, value)
    return read_base(path, shown_as(config, path), place)


def _resolve_exports(config: pytest.Config) -> tuple[Target, ...]:
    place, values = look_up(config, "export")
    if values is None or hasattr(config, "workerinput"):
        return ()
    from pytest_leakguard.exporters import parse_target

    texts = values if isinstance(values, list) else [values]
    return tuple(parse_target(place, str(text)) for text in texts)


def _resolve_graphs(config: pytest.Config) -> Path | None:
    place, value = look_up(config, "graph")
    if value is None:
        return None
    path = path_of(config, place, value)
    require_writable(place, value, path / "graph.dot")
    return path


def _resolve_monitor(config: pytest.Config) -> bool:
    place, value = look_up(config, "monitor")
    return value is not None and parse_switch(place, value)


def _resolve_snapshots(config: pytest.Config) -> SnapshotDirectory | None:
    place, value = look_up(config, "snapshots")
    if value is None:
        return None
    from pytest_leakguard.keeping import Retention

    path = path_of(config, place, value)
    require_writable(place, value, path / "probe.leaksnap")
    kept: dict[str, Any] = {}
    place, value = look_up(config, "snapshots-keep")
    if value is not None:
        kept["most"] = parse_count(place, value, minimum=1)
    place, value = look_up(config, "snapshots-age")
    if value is not None and not (age := parse_duration(place, value)):
        raise InvalidSettingError(place, value, "a time above 0, such as '24 h'")
    if value is not None:
        kept["age"] = age
    return SnapshotDirectory(
        path=path,
        shown=shown_as(config, path),
        retention=Retention(**kept),
        signal=_resolve_signal(*look_up(config, "snapshots-signal")),
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


def _resolve_profile(config: pytest.Config) -> Cabinet | None:
    place, value = look_up(config, "profile")
    if value is None:
        return None
    from pytest_leakguard.plugin.profiles import resolve_cabinet

    return resolve_cabinet(config, place, value)


def _resolve_history(config: pytest.Config) -> HistoryFile | None:
    place, value = look_up(config, "history")
    if value is None or hasattr(config, "workerinput"):
        return None
    try:
        from pytest_leakguard.history.database import require_usable
    except ImportError:  # a Python can be built without it
        raise InvalidSettingError(place, value, "a Python that has sqlite3") from None
    from pytest_leakguard.repository import revision_of

    path = path_of(config, place, value)
    shown = shown_as(config, path)
    require_writable(place, shown, path.resolve())
    try:
        require_usable(path)
    except UnusableHistoryError as error:
        accepted = f"a history, or a path where there is nothing yet ({error.reason})"
        raise InvalidSettingError(place, shown, accepted) from None
    return HistoryFile(path=path, shown=shown, revision=revision_of(config.rootpath))


def _resolve_reports(config: pytest.Config) -> tuple[tuple[str, Path], ...]:
    place, values = look_up(config, "report")
    reports: list[tuple[str, Path]] = []
    for value in values if isinstance(values, list) else [] if values is None else [values]:
        form, separator, path = str(value).partition(":")
        if not separator or not path or form not in REPORT_FORMATS:
            accepted = "FORMAT:PATH with a format of " + ", ".join(REPORT_FORMATS)
            raise InvalidSettingError(place, value, accepted)
        from pytest_leakguard.reports import require_packages

        require_packages(form, f"{place}: {form}")
        target = config.invocation_params.dir / Path(path).expanduser()
        require_writable(place, value, target)
        reports.append((form, target))
    return tuple(reports)
