"""How is a test checked? Every setting with its unit, its default and what is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

from pytest_leakguard.errors import InvalidSettingError, MissingPackageError
from pytest_leakguard.units import parse_count, parse_duration, parse_size

if TYPE_CHECKING:
    from pytest_leakguard.exemptions import Exemption

_SPAN_ACCEPTED = "a time above 0, such as '30 s' or '10 min'"
#: What is said of ``workers`` where nothing is soaked.
WORKERS_ACCEPTED = "a duration beside it, since only a soak has workers"

TraceMode = Literal["auto", "suspects", "always"]

TRACE_MODES: tuple[TraceMode, ...] = ("auto", "suspects", "always")

#: Every counter's name, in the order of reports. ``traced_bytes`` is read only while tracing.
COUNTER_NAMES: tuple[str, ...] = (
    "gc_objects",
    "blocks",
    "native_bytes",
    "mapped_bytes",
    "fds",
    "threads",
    "tasks",
    "children",
    "temp_files",
    "container_items",
    "traced_bytes",
)
#: Counters of memory that is not Python's.
NATIVE_COUNTERS = frozenset({"native_bytes", "mapped_bytes"})
#: Counters whose growth per run ``max_objects`` bounds.
OBJECT_COUNTERS = frozenset({"gc_objects", "blocks", "container_items"})
#: Counters whose growth per run ``max_bytes`` bounds. All others are never excused.
BYTE_COUNTERS = NATIVE_COUNTERS | {"traced_bytes"}

#: The least that one retained thing adds to a counter, where that is more than 1: glibc's chunks
#: are multiples of 16 bytes, mappings of a page.
UNITS = {"native_bytes": 16, "mapped_bytes": 4096}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one test is checked.

    Attributes:
        runs: Sampled re-runs beyond the baseline sample that must be flat to acquit; at least 2.
        warmup: Executions before the baseline sample, the user's own included; at least 1.
        max_objects: Retained objects or blocks per run that are tolerated. ``None``: 0, or
            unlimited when only ``max_bytes`` is given.
        max_bytes: Retained bytes per run that are tolerated. ``None``: 0, or unlimited when only
            ``max_objects`` is given.
        confirm: Extra time in seconds that a suspect may be run for.
        trace: Where tracemalloc is on: ``auto`` (suspects and marked tests), ``suspects``, or
            ``always`` (every checked test).
        track: Names of the counters to read; ``None`` means all that the platform has.
        ignore: A finding whose type, holder, fingerprint or allocating module fits one of these
            is left out of the verdict.
        native_trace: Whether memray is asked for the native code that takes what leaks.
        isolate: Whether re-runs happen in a forked child, where a fork carries all that they need.
        duration: Time in seconds that a test is soaked for, above 0; ``None``: it is not.
        workers: How many threads or tasks run the body of a soaked test together; at least 1. Says
            nothing without a duration.
    """

    runs: int = 3
    warmup: int = 1
    max_objects: int | None = None
    max_bytes: int | None = None
    confirm: float = 10.0
    trace: TraceMode = "auto"
    track: tuple[str, ...] | None = None
    ignore: tuple[Exemption, ...] = ()
    native_trace: bool = False
    isolate: bool = False
    duration: float | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if self.duration is not None and not self.duration > 0:
            raise InvalidSettingError("duration", self.duration, _SPAN_ACCEPTED)
        if self.workers < 1:
            raise InvalidSettingError("workers", self.workers, "a whole number of at least 1")

    @property
    def crew(self) -> int:
        """How many threads or tasks run the body together; 1 where it is not soaked."""
        return 1 if self.duration is None else self.workers

    def allowed(self, counter: str) -> float:
        """Return the growth per run of a counter that is tolerated, in the counter's unit."""
        if counter in OBJECT_COUNTERS:
            own, other = self.max_objects, self.max_bytes
        elif counter in BYTE_COUNTERS:
            own, other = self.max_bytes, self.max_objects
        else:
            return 0
        if own is not None:
            return own
        return 0 if other is None else float("inf")


def _parse_names(setting: str, value: object, accepted: tuple[str, ...]) -> tuple[str, ...]:
    expected = f"one or more of {', '.join(accepted)}"
    given = (value,) if isinstance(value, str) else value
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise InvalidSettingError(setting, value, expected)
    names = [name for entry in given for name in _words(entry)]
    if not names:
        raise InvalidSettingError(setting, value, expected)
    for name in names:
        if name not in accepted:
            raise InvalidSettingError(setting, name, expected)
    return tuple(name for name in accepted if name in names)


def _words(entry: object) -> list[object]:
    return [*entry.replace(",", " ").split()] if isinstance(entry, str) else [entry]


_SWITCH = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def parse_switch(setting: str, value: object) -> bool:
    """Return whether something is switched on.

    Raises:
        InvalidSettingError: The value is neither true nor false.
    """
    if (asked := _SWITCH.get(str(value).strip().lower())) is None:
        raise InvalidSettingError(setting, value, "true or false")
    return asked


def _parse_ignore(setting: str, value: object) -> tuple[Exemption, ...]:
    from pytest_leakguard.exemptions import parse_exemptions  # for those who use it

    return parse_exemptions(setting, value)


def _parse_native_trace(setting: str, value: object) -> bool:
    if asked := parse_switch(setting, value):
        require_memray(setting)
    return asked


def require_memray(setting: str) -> None:
    """Make sure that memray is installed, without importing it.

    Args:
        setting: Where it was asked for.

    Raises:
        MissingPackageError: It is not.
    """
    from importlib.util import find_spec

    if find_spec("memray") is None:
        raise MissingPackageError(setting, "memray", extra="native")


def _parse_span(setting: str, value: object) -> float:
    if seconds := parse_duration(setting, value):
        return seconds
    raise InvalidSettingError(setting, value, _SPAN_ACCEPTED)


def _parse_choice(setting: str, value: object, accepted: tuple[str, ...]) -> object:
    if value not in accepted:
        raise InvalidSettingError(setting, value, f"one of {', '.join(accepted)}")
    return value


#: How each setting is read from what a user wrote: one table for marker, options, ini and API.
PARSERS: dict[str, Callable[[str, object], Any]] = {
    "runs": lambda name, value: parse_count(name, value, minimum=2),
    "warmup": lambda name, value: parse_count(name, value, minimum=1),
    "max_objects": lambda name, value: parse_count(name, value, minimum=0),
    "max_bytes": parse_size,
    "confirm": parse_duration,
    "trace": lambda name, value: _parse_choice(name, value, TRACE_MODES),
    "track": lambda name, value: _parse_names(name, value, COUNTER_NAMES),
    "ignore": _parse_ignore,
    "native_trace": _parse_native_trace,
    "isolate": parse_switch,
    "duration": _parse_span,
    "workers": lambda name, value: parse_count(name, value, minimum=1),
}


def parse_settings(given: Mapping[str, object]) -> dict[str, Any]:  # each its own type
    """Read all settings that a user gives in one place, which have to fit together.

    Args:
        given: Fields of :class:`Settings`.

    Raises:
        InvalidSettingError: There is no such setting, a value does not fit, or ``workers`` stands
            without a ``duration``.
        MissingPackageError: One needs a package that is not installed.
    """
    parsed = {name: parse_setting(name, value) for name, value in given.items()}
    if "workers" in parsed and "duration" not in parsed:
        raise InvalidSettingError("workers", parsed["workers"], WORKERS_ACCEPTED)
    return parsed


def parse_setting(setting: str, value: object, *, place: str | None = None) -> Any:  # its own type
    """Read one setting from what a user wrote.

    Args:
        setting: A field of :class:`Settings`.
        value: What was given.
        place: How the user spelled the setting, for the error message; the field's name if None.

    Raises:
        InvalidSettingError: There is no such setting, or the value does not fit it.
        MissingPackageError: It needs a package that is not installed.
    """
    if (parser := PARSERS.get(setting)) is None:
        raise InvalidSettingError("keyword", setting, f"one of {', '.join(PARSERS)}")
    return parser(place or setting, value)
