"""Who asks? The frame outside this package that a failure is told of, and its variables."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.settings import Settings, parse_settings

_OURSELVES = "pytest_leakguard"


def calling_frame() -> FrameType:
    """Return the innermost frame that runs code from outside this package."""
    frame = sys._getframe(1)  # noqa: SLF001  # the only way to a caller
    while (
        str(frame.f_globals.get("__name__")).partition(".")[0] == _OURSELVES
        and frame.f_back is not None
    ):
        frame = frame.f_back
    return frame


def place_of(frame: FrameType) -> str:
    """Return ``file:line``, relative to the working directory where the file is below it."""
    path = Path(frame.f_code.co_filename)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{frame.f_lineno}"


def variables_of(frame: FrameType) -> Mapping[str, object]:
    """Return the local variables of a function's frame under their qualified names.

    Those of a module are found as its own, and what belongs to this package is left out.
    """
    if frame.f_locals is frame.f_globals:
        return {}
    function = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)  # absent in CPython 3.10
    return {
        f"{function}.<locals>.{name}": value
        for name, value in frame.f_locals.items()
        if type(value).__module__.partition(".")[0] != _OURSELVES
    }


def read_settings(given: Mapping[str, object], base: Settings) -> Settings:
    """Return settings with the keywords that a user has given.

    Raises:
        InvalidSettingError: A setting is unknown or its value does not fit.
    """
    __tracebackhide__ = True
    try:
        parsed = parse_settings(given)
    except InvalidSettingError as error:
        raise error.with_traceback(None) from None
    known = {name: getattr(base, name) for name in Settings.__dataclass_fields__}
    return Settings(**{**known, **parsed})
