"""Which lines stand around one in its file, as long as the file is still what was run?"""

from __future__ import annotations

import tokenize
from dataclasses import dataclass
from functools import lru_cache
from typing import final

from pytest_leakguard.model import Frame

#: Lines shown before a line, and after it.
_AROUND = 3
#: Files that are kept at once; those of one suite's causes are few.
_FILES = 64


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One line of a file.

    Attributes:
        number: Its number, from 1.
        text: It without its end.
        marked: Whether it is the line that the others stand around.
    """

    number: int
    text: str
    marked: bool


def lines_around(frame: Frame) -> tuple[SourceLine, ...]:
    """Return a frame's line and those around it.

    Where the file cannot be read, or has another line there by now, it is the frame's line alone;
    none if that is not known either.
    """
    lines = _lines_of(frame.file)
    index = frame.line - 1
    if not (0 <= index < len(lines) and lines[index].strip() == frame.source.strip()):
        alone = SourceLine(number=frame.line, text=frame.source, marked=True)
        return (alone,) if frame.source else ()
    first = max(0, index - _AROUND)
    return tuple(
        SourceLine(number=number, text=text, marked=number == frame.line)
        for number, text in enumerate(lines[first : index + _AROUND + 1], start=first + 1)
    )


@lru_cache(maxsize=_FILES)
def _lines_of(file: str) -> tuple[str, ...]:
    try:
        with tokenize.open(file) as source:
            return tuple(line.rstrip("\r\n") for line in source)
    except (OSError, ValueError, SyntaxError):  # none, of another encoding, or saying a wrong one
        return ()
