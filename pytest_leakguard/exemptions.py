"""Which findings are left out of verdicts? Patterns of names, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import final

from pytest_leakguard.errors import InvalidSettingError

_ACCEPTED = (
    "'PATTERN: REASON', a list of these, or {PATTERN: REASON}; a pattern names a type, a holder, a"
    " fingerprint or the module that allocates, and is not a bare '*'"
)
#: A name may hold colons, but none that ends a word.
_SEPARATOR = re.compile(r":\s+")


@final
@dataclass(frozen=True, slots=True)
class Exemption:
    """A pattern of findings that are tolerated.

    Attributes:
        pattern: Is compared with a finding's names; ``*`` and ``?`` stand for others.
        reason: Why they are tolerated, such as the link of an issue.
    """

    pattern: str
    reason: str

    def covers(self, names: Iterable[str]) -> bool:
        """Tell whether one of a finding's names fits the pattern."""
        pattern = self.pattern.replace("[", "[[]")  # holders have subscripts
        return any(fnmatchcase(name, pattern) for name in names)


@final
@dataclass(frozen=True, slots=True)
class Exempted:
    """How often an exemption was needed in one test: 0 when it was not."""

    pattern: str
    reason: str
    findings: int


def parse_exemptions(setting: str, value: object) -> tuple[Exemption, ...]:
    """Read exemptions from what a user wrote.

    Args:
        setting: How the user spelled the setting, for the error message.
        value: ``'PATTERN: REASON'``, a list of these, or ``{PATTERN: REASON}``.

    Raises:
        InvalidSettingError: There is no reason, or the pattern fits everything.
    """
    if isinstance(value, Mapping):
        return tuple(_exemption(setting, {key: value[key]}, key, value[key]) for key in value)
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, (list, tuple)):
        raise InvalidSettingError(setting, value, _ACCEPTED)
    return tuple(
        _exemption(setting, entry, *_SEPARATOR.split(entry, maxsplit=1))
        if isinstance(entry, str)
        else _exemption(setting, entry)
        for entry in entries
    )


def _exemption(setting: str, given: object, pattern: object = "", reason: object = "") -> Exemption:
    texts = [text.strip() if isinstance(text, str) else "" for text in (pattern, reason)]
    if not texts[0].strip("*?. ") or not texts[1]:
        raise InvalidSettingError(setting, given, _ACCEPTED)
    return Exemption(*texts)
