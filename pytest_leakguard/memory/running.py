"""How is a program run so that memory can be looked at in the moment in which it ends?"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import final

from pytest_leakguard.errors import InvalidSettingError

_FAILED = 1
_OURS = {__file__, runpy.__file__, "<frozen runpy>"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program of Python, and its arguments.

    Attributes:
        name: Path of a file, or dotted name of a module.
        arguments: What it finds in ``sys.argv[1:]``.
        is_module: Whether it is named as ``python -m`` does.
    """

    name: str
    arguments: Sequence[str]
    is_module: bool

    @property
    def directory(self) -> str:
        """Directory that it finds first in ``sys.path``."""
        return os.getcwd() if self.is_module else os.path.dirname(os.path.realpath(self.name))

    def run(self, then: Callable[[], object]) -> int:
        """Run it in this process as ``__main__``, and do something when it has ended.

        What it has made is still there in that moment: its global names and, if it has raised
        something, those of its functions.

        Args:
            then: Called once, however it ends; but not if it cannot be found.

        Returns:
            0, or 1 if it has raised an exception, which is then shown as Python shows it.

        Raises:
            InvalidSettingError: It cannot be found.
            SystemExit: It has ended so.
            KeyboardInterrupt: It was interrupted.
        """
        if not self.is_module and not os.path.exists(self.name):
            raise InvalidSettingError("memory", self.name, "the path of a program")
        sys.argv = [self.name, *self.arguments]
        if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
            sys.path[0] = self.directory
        try:
            kept = self._run()  # its global names live until they are let go below
        except (SystemExit, KeyboardInterrupt):
            then()
            raise
        except BaseException as error:
            within = _within(error.__traceback__)
            if within is None and isinstance(error, ImportError):
                setting = "memory -m" if self.is_module else "memory"
                raise InvalidSettingError(setting, self.name, f"a program: {error}") from None
            then()
            sys.excepthook(type(error), error.with_traceback(within), within)
            return _FAILED
        with suppress(Exception):  # closed, or nobody reads: that is the program's affair
            sys.stdout.flush()
        then()
        del kept
        return 0

    def _run(self) -> dict[str, object]:
        if self.is_module:
            return runpy.run_module(self.name, run_name="__main__", alter_sys=True)
        return runpy.run_path(self.name, run_name="__main__")


def _within(traceback: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that is the program's own; ``None`` if it has none."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename in _OURS:
        traceback = traceback.tb_next
    return traceback
