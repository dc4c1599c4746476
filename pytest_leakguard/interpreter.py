"""Can memory be measured under this interpreter?"""

from __future__ import annotations

import platform
import sys

from pytest_leakguard.errors import UnsupportedInterpreterError


def require_cpython() -> None:
    """Refuse an interpreter whose memory is none of what is measured here.

    Reference counts, the collector's lists and tracemalloc are CPython's; PyPy frees what is
    garbage at a time of its own, so that nothing is flat.

    Raises:
        UnsupportedInterpreterError: It is not CPython.
    """
    if sys.implementation.name != "cpython":
        name = f"{platform.python_implementation()} {platform.python_version()}"
        raise UnsupportedInterpreterError(name)
