"""What does an entry of the file of known leaks cover, and how fast may that grow?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import final

from pytest_leakguard.model import Finding
from pytest_leakguard.units import format_size, plural

#: Growth that is no whole number differs from session to session by its nature, and bytes do with
#: the version of Python: what is recorded of either leaves so much room.
HEADROOM = 1.25
#: Counters that tell the growth of a leak without a finding, the likeliest first.
_OBJECTS = (
    "gc_objects",
    "blocks",
    "fds",
    "threads",
    "tasks",
    "children",
    "temp_files",
    "container_items",
)
_BYTES = ("native_bytes", "mapped_bytes", "traced_bytes")
#: Below these, the order of two rates is a matter of rounding.
_NEXT_TO_NOTHING = 1e-6


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast something grows: objects, or other things that are counted, and bytes per run."""

    objects: float
    size_bytes: float

    @classmethod
    def of_finding(cls, finding: Finding) -> Rate:
        """Return the rate of one cause."""
        return cls(objects=finding.objects_per_run, size_bytes=finding.bytes_per_run)

    @classmethod
    def of_growth(cls, growth: Mapping[str, float | None]) -> Rate:
        """Return the rate of a whole test, by the counters that moved."""
        return cls(
            objects=next((rate for name in _OBJECTS if (rate := growth.get(name))), 0),
            size_bytes=next((rate for name in _BYTES if (rate := growth.get(name))), 0),
        )

    def limits(self) -> tuple[float | None, float | None]:
        """Return what is recorded of it: objects per run, or bytes where nothing is counted."""
        if self.objects > 0:
            return _with_headroom(self.objects), None
        return None, math.ceil(self.size_bytes * HEADROOM) or None


def _with_headroom(rate: float) -> float:
    return int(rate) if rate == int(rate) else math.ceil(rate * HEADROOM * 100) / 100


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLeak:
    """One entry: which leaks it covers, why these are tolerated, and how far.

    An entry has a fingerprint, or any of holder, type and test, all of which must fit.

    Attributes:
        reason: Why it is tolerated.
        fingerprint: The finding's.
        holder: Pattern of the holder's name; ``*`` and ``?`` stand for others.
        type: Pattern of the dotted type that is retained.
        test: Pattern of the test's node id.
        issue: Where to read on; may be empty.
        expires: The last day on which it is tolerated; ``None`` for no end.
        max_objects: Objects per run beyond which it is worse; ``None`` for no limit.
        max_bytes: The same in bytes.
        strict: Once nothing fits it any more, the session fails.
        only_unexplained: It covers a test's growth only where nothing more is known of that.
        place: Where it stands: file and line.
    """

    reason: str
    fingerprint: str = ""
    holder: str = ""
    type: str = ""
    test: str = ""
    issue: str = ""
    expires: date | None = None
    max_objects: float | None = None
    max_bytes: float | None = None
    strict: bool = True
    only_unexplained: bool = False
    place: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What no two entries have in common."""
        return self.fingerprint, self.holder, self.type, self.test

    @property
    def name(self) -> str:
        """The entry in words: what it covers."""
        stated = zip(("fingerprint", "holder", "type", "test"), self.key, strict=True)
        return ", ".join(f"{key} {value!r}" for key, value in stated if value)

    @property
    def why(self) -> str:
        """The reason, with the issue if there is one."""
        return f"{self.reason} ({self.issue})" if self.issue else self.reason

    @property
    def names_one_test(self) -> bool:
        """Whether it covers one test alone, named in full."""
        return bool(self.test) and not {"*", "?"} & {*self.test}

    def covers(self, nodeid: str, finding: Finding) -> bool:
        """Tell whether it is about one cause of a test's leak."""
        if self.fingerprint:
            return self.fingerprint == finding.fingerprint
        return (
            not self.only_unexplained
            and self.covers_test(nodeid)
            and _fits(finding.holder, self.holder)
            and _fits(finding.type, self.type)
        )

    def covers_unexplained(self, nodeid: str) -> bool:
        """Tell whether it is about a test's leak whatever the cause, which may be unknown."""
        names_cause = self.fingerprint or self.holder or self.type
        return not names_cause and self.covers_test(nodeid)

    def covers_test(self, nodeid: str) -> bool:
        """Tell whether a test is one of those that it names; all are if it names none."""
        return _fits(nodeid, self.test)

    def exceeded_by(self, rate: Rate) -> str:
        """Say which limit a rate is over; empty if none."""
        if _is_over(rate.objects, self.max_objects):
            return f"more than the {plural(self.max_objects or 0, 'object')} per run recorded"
        if _is_over(rate.size_bytes, self.max_bytes):
            return f"more than the {format_size(self.max_bytes or 0)} per run recorded"
        return ""


def _fits(name: str, pattern: str) -> bool:
    return not pattern or fnmatchcase(name, pattern.replace("[", "[[]"))  # subscripts, parameters


def _is_over(rate: float, limit: float | None) -> bool:
    return limit is not None and rate > limit + _NEXT_TO_NOTHING
