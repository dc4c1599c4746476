"""Sizes, times and rates: parsed and printed in one way everywhere."""

from __future__ import annotations

import math
import re

from pytest_leakguard.errors import InvalidSettingError

_SIZE_UNITS = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_TIME_UNITS = {"": 1.0, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)

SIZE_ACCEPTED = "a size such as '4 KiB' or '1.5 MiB', or an int of bytes, not negative"
TIME_ACCEPTED = "a time such as '500 ms', '10 s' or '10 min', or an int of seconds, not negative"


def _parse(setting: str, value: object, units: dict[str, float], accepted: str) -> float:
    number_given = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = str(value) if number_given else value
    if isinstance(text, str) and (match := _QUANTITY.fullmatch(text.strip())):
        number, unit = match.groups()
        if (scale := units.get(unit.lower())) is not None:
            return float(number) * scale
    raise InvalidSettingError(setting, value, accepted)


def parse_size(setting: str, value: object) -> int:
    """Return a size in bytes.

    Args:
        setting: Name of the setting, for the error message.
        value: ``'4 KiB'``, ``'1.5 MiB'``, ``'100 B'``, or a number of bytes.

    Raises:
        InvalidSettingError: The value is none of these, or negative.
    """
    return int(_parse(setting, value, dict(_SIZE_UNITS), SIZE_ACCEPTED))


def parse_duration(setting: str, value: object) -> float:
    """Return a time in seconds.

    Args:
        setting: Name of the setting, for the error message.
        value: ``'500 ms'``, ``'10 s'``, ``'10 min'``, ``'1 h'``, or a number of seconds.

    Raises:
        InvalidSettingError: The value is none of these, or negative.
    """
    return _parse(setting, value, _TIME_UNITS, TIME_ACCEPTED)


def parse_percentage(setting: str, value: object) -> float:
    """Return a percentage.

    Args:
        setting: Name of the setting, for the error message.
        value: ``'10%'``, ``'0.5 %'``, or a number of percent.

    Raises:
        InvalidSettingError: The value is none of these, not above 0, or above 100.
    """
    accepted = "a percentage above 0 and up to 100, such as '10%'"
    text = str(value).strip().removesuffix("%").rstrip()
    if re.fullmatch(r"\d+(\.\d+)?", text) and 0 < float(text) <= 100:
        return float(text)
    raise InvalidSettingError(setting, value, accepted)


def parse_count(setting: str, value: object, *, minimum: int) -> int:
    """Return a whole number that is at least ``minimum``.

    Args:
        setting: Name of the setting, for the error message.
        value: A number, or one as text.
        minimum: The least that is accepted.

    Raises:
        InvalidSettingError: The value is not a whole number, or too small.
    """
    accepted = f"a whole number of at least {minimum}"
    if isinstance(value, str) and re.fullmatch(r"\d+", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise InvalidSettingError(setting, value, accepted)
    return value


def format_number(value: float) -> str:
    """Write a number with at most two decimals, or two digits if small, and no needless zeros."""
    if 0 < abs(value) < 0.01:
        return f"{'-' if value < 0 else ''}{_small(abs(value))}"
    return f"{value:,.2f}".rstrip("0").rstrip(".") if value % 1 else f"{int(value):,}"


def format_rates(objects: float, size_bytes: float) -> str:
    """Write what a run leaves behind: ``+1 per run, +272 B per run``; empty for nothing."""
    rates = [f"+{format_number(objects)}"] if objects else []
    rates += [f"+{format_size(size_bytes)}"] if size_bytes else []
    return ", ".join(f"{rate} per run" for rate in rates)


def format_size(size_bytes: float) -> str:
    """Write a size in IEC units: ``336 B``, ``4 KiB``, ``1.5 MiB``."""
    magnitude = abs(size_bytes)
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if magnitude >= scale:
            return f"{format_number(round(size_bytes / scale, 1))} {unit}"
    return f"{format_number(round(size_bytes, 1))} B"


def format_duration(seconds: float) -> str:
    """Write a time: ``340 ms``, ``2.5 s``, ``3 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min"


def format_span(seconds: float) -> str:
    """Write a time as people watch it pass: ``45 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if seconds >= 1 or not seconds else format_duration(seconds)
    hours, minutes = divmod(whole // 60, 60)
    small = f"{minutes} min" if hours else f"{whole % 60} s"
    large = f"{hours} h" if hours else f"{minutes} min"
    return large if small.startswith("0 ") else f"{large} {small}"


def format_slope(rate: float, noun: str, digits: int = 2) -> str:
    """Write growth that may be slow: ``+0.018 objects``, ``-1.5 KiB native``, ``0 objects``.

    Args:
        rate: How much, in what the noun counts.
        noun: What is counted, in the singular; bytes are written as sizes.
        digits: How many of a number below 1 say something.
    """
    kind, _, last = noun.rpartition(" ")
    sign = "+" if rate > 0 else "-" if rate < 0 else ""
    amount = abs(rate)
    if last == "byte":
        size = format_size(amount) if amount >= 1 or not amount else f"{_small(amount, digits)} B"
        return f"{sign}{size} {kind}".rstrip()
    number = _small(amount, digits) if 0 < amount < 1 else format_number(amount)
    return f"{sign}{number} {plural(amount, noun).partition(' ')[2]}"


def _small(number: float, digits: int = 2) -> str:
    """Write a number below 1 with so many digits that say something: ``0.018``, ``0.0002``."""
    decimals = digits - 1 - math.floor(math.log10(number))
    return f"{number:.{decimals}f}".rstrip("0").rstrip(".")


def plural(count: float, noun: str) -> str:
    """Write a count with its noun: ``1 object``, ``2 objects``, ``0.5 objects``."""
    if count == 1:
        return f"{format_number(count)} {noun}"
    ending = {"y": "ies", "s": "ses"}.get(noun[-1], f"{noun[-1]}s")
    return f"{format_number(count)} {noun[:-1]}{ending}"
