"""What does the file of known leaks say? Read whole, or refused with the line at fault."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, final

from pytest_leakguard.baseline.entries import KnownLeak
from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.units import parse_size

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # there pytest itself requires it

TABLE = "known"
#: Where a block begins, as most files spell it; TOML allows blanks and quotes.
HEADER = re.compile(r"""^[ \t]*\[\[[ \t]*(?:known|"known"|'known')[ \t]*\]\]""", re.MULTILINE)
_CONFLICT = re.compile(r"^<{7}(?: |$)")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
_WHAT = "fingerprint, or any of holder, type and test"


def read_known(path: Path, shown: str) -> tuple[KnownLeak, ...]:
    """Read a file of known leaks.

    Args:
        path: The file.
        shown: How messages name it.

    Raises:
        InvalidSettingError: It cannot be read, is not TOML, or an entry cannot be used; the text
            names file, line and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidSettingError(shown, error.strerror, "a file that can be read") from None
    except UnicodeDecodeError as error:
        raise InvalidSettingError(shown, str(error), "a file in UTF-8") from None
    return parse_known(text, shown)


def parse_known(text: str, shown: str) -> tuple[KnownLeak, ...]:
    """Read the text of such a file; raises as :func:`read_known` does."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _CONFLICT.match(line):
            raise InvalidSettingError(f"{shown}:{number}", line, "no marks of a merge conflict")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        found = _PLACE.search(said)
        line = (found and found.group(1)) or str(len(text.splitlines()))
        what = _PLACE.sub("", said)
        raise InvalidSettingError(f"{shown}:{line}", what, "valid TOML") from None
    known = document.pop(TABLE, [])
    if document:
        name = next(iter(document))
        place_of = rf"^\s*\[*\s*[\"']?{re.escape(name)}\b"
        raise InvalidSettingError(_at(shown, text, place_of), name, f"only [[{TABLE}]] blocks")
    starts = [text.count("\n", 0, match.start()) + 1 for match in HEADER.finditer(text)]
    if not isinstance(known, list) or len(starts) != len(known):
        place = _at(shown, text, TABLE)
        raise InvalidSettingError(place, TABLE, f"each entry as a block of its own, [[{TABLE}]]")
    lines = text.splitlines()
    ends = [*starts, len(lines) + 1][1:]
    entries = [
        _Block(shown, start, lines[start - 1 : end - 1]).read(table)
        for start, end, table in zip(starts, ends, known, strict=True)
    ]
    _require_different(entries)
    return tuple(entries)


def _at(shown: str, text: str, pattern: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    line = text.count("\n", 0, match.end()) + 1 if match else 1
    return f"{shown}:{line}"


def _require_different(entries: list[KnownLeak]) -> None:
    first: dict[tuple[str, str, str, str], KnownLeak] = {}
    for entry in entries:
        if (other := first.setdefault(entry.key, entry)) is not entry:
            accepted = f"one entry for it; the other is {other.place}"
            raise InvalidSettingError(entry.place, entry.name, accepted)


@final
@dataclass(frozen=True, slots=True)
class _Block:
    """One block of the file, for reading its values and naming the lines that they stand on."""

    shown: str
    start: int
    lines: list[str]

    def read(self, table: Mapping[str, object]) -> KnownLeak:
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in _READERS:
                raise InvalidSettingError(self._place(key), key, f"one of {', '.join(_READERS)}")
            values[key] = _READERS[key](self._place(key), value)
        if not values.get("reason"):
            raise InvalidSettingError(
                self._place("reason"), values.get("reason"), "a reason that says why it is accepted"
            )
        names_cause = any(map(values.get, ("holder", "type", "test")))
        if bool(values.get("fingerprint")) == names_cause:
            raise InvalidSettingError(self._place("fingerprint"), sorted(values), f"{_WHAT}")
        return KnownLeak(**values, place=f"{self.shown}:{self.start}")

    def _place(self, key: str) -> str:
        pattern = re.compile(rf"""^\s*["']?{re.escape(key)}["']?\s*=""")
        offset = next((n for n, line in enumerate(self.lines) if pattern.match(line)), 0)
        return f"{self.shown}:{self.start + offset}: {key}"


def _text(place: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidSettingError(place, value, "a text")
    return value.strip()


def _fingerprint(place: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{8}", value):
        raise InvalidSettingError(place, value, "eight hexadecimal digits, as reports show them")
    return value


def _pattern(place: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip("*?. "):
        accepted = "a name, or a pattern with * and ? that does not fit everything"
        raise InvalidSettingError(place, value, accepted)
    return value


def _day(place: str, value: object) -> date:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidSettingError(place, value, "a day, such as 2030-12-31")
    return value


def _number(place: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e18:
        raise InvalidSettingError(place, value, "a number per run, at least 0")
    return value


def _size(place: str, value: object) -> float:
    return parse_size(place, value)


def _switch(place: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidSettingError(place, value, "true or false")
    return value


_READERS: Mapping[str, Callable[[str, object], object]] = {
    "fingerprint": _fingerprint,
    "holder": _pattern,
    "type": _pattern,
    "test": _pattern,
    "reason": _text,
    "issue": _text,
    "expires": _day,
    "max_objects": _number,
    "max_bytes": _size,
    "strict": _switch,
}
