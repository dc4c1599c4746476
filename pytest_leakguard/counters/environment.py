"""How much does the C library keep of what a test puts into the environment for a while?

glibc keeps each distinct ``NAME=value`` for ever (stdlib/setenv.c, ``known_values``), because a
pointer to it may be in use. A test that points ``HOME`` at its temporary directory, which has a
new name in each run, makes it grow by that; the code under test, whose directory stays, does not.
Nor does it where only the test's tools for patching set a value, whatever it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_leakguard.counters.temp_files import names_temporary

_Text = str | bytes | os.PathLike[str] | os.PathLike[bytes]


#: What puts things into the environment for the time of a test.
_PATCHING = frozenset({"_pytest.monkeypatch", "unittest.mock"})
#: Callers between these and what is called here: those of ``os.environ`` and ``dict.update``.
_CALLERS = 3


class _Values:
    """What tests have put into the environment.

    Attributes:
        kept_bytes: By how much the native heap has grown while they were put there, in bytes.
    """

    def __init__(self) -> None:
        self.kept_bytes = 0


_values = _Values()


def kept_bytes() -> int:
    """Return how many bytes of the native heap the C library keeps of that."""
    return _values.kept_bytes


def _is_patching() -> bool:
    """Tell whether the caller's caller is a tool for patching."""
    frame = sys._getframe(2)
    for _ in range(_CALLERS):
        if frame.f_globals.get("__name__") in _PATCHING:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


@contextmanager
def noting(read: Callable[[], int]) -> Iterator[None]:
    """Note inside what is put into the environment by ``os.environ`` and ``os.putenv``.

    Args:
        read: Returns the bytes in use on the native heap, what is kept here included.
    """
    putenv = os.putenv

    def put(name: _Text, value: _Text, /) -> None:
        if not (names_temporary(os.fsdecode(value)) or _is_patching()):
            putenv(name, value)
            return
        before = read()
        putenv(name, value)
        _values.kept_bytes += read() - before

    os.putenv = put
    try:
        yield
    finally:
        if os.putenv is put:  # or a test has put another one there
            os.putenv = putenv
