"""Which of the things that sessions leave in a directory stay? The latest, by number and age.

What is left together has one name, which begins with when it was made and by which process.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import final

_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(
    r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(?P<pid>\d+)-(?P<serial>\d+)-.+", re.DOTALL
)
_UNFIT = re.compile(r"[^A-Za-z0-9_.]+")
_MOST_LABEL = 60

#: When something was made, by which process, and as which of its own: the later the greater.
Origin = tuple[float, int, int]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many of the things left in a directory stay.

    Attributes:
        most: The latest; at least 1.
        age: For how long, in seconds.
    """

    most: int = 50
    age: float = 720 * 3600.0

    def expired(self, origins: Iterable[Origin], now: float) -> list[Origin]:
        """Return those that are too old or too many.

        Args:
            origins: All that are there.
            now: Seconds since 1970 (UTC).
        """
        oldest = now - self.age
        return [
            one
            for rank, one in enumerate(sorted(origins, reverse=True))
            if rank >= self.most or one[0] < oldest
        ]


@final
class Names:
    """Gives names, each of them once in a process and in all others."""

    def __init__(self) -> None:
        self._serials = itertools.count(1)

    def name(self, made: float, pid: int, label: str, *, default: str) -> str:
        """Return a new name.

        Args:
            made: When it was made, in seconds since 1970 (UTC).
            pid: By which process.
            label: What it is of; what does not fit into every system's names is replaced.
            default: The label where nothing of it fits.
        """
        stamp = datetime.fromtimestamp(made, timezone.utc).strftime(_STAMP)
        label = _UNFIT.sub("_", label)[:_MOST_LABEL].strip("_.") or default
        return f"{stamp}-{pid}-{next(self._serials)}-{label}"


def origin_of(name: str) -> Origin | None:
    """Return what a name says of its origin; ``None`` if it is not one of ours."""
    if (found := _NAME.fullmatch(name)) is None:
        return None
    try:
        # strptime holds a lock, and may be what a signal's handler has interrupted.
        year, month, day, hour, minute, second = map(int, found.groups()[:6])
        made = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:  # no day or no time
        return None
    return made.timestamp(), int(found["pid"]), int(found["serial"])
