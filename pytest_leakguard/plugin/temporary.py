"""Where do runs in a child make their temporary files, so that they go with it?"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

# Bound here because tests patch the modules: what they return is not ours to remove.
_mkdir, _remove, _getpid = os.mkdir, shutil.rmtree, os.getpid
_numbers = count()


@contextmanager
def own_directory(config: pytest.Config) -> Iterator[str]:
    """Make a directory, in pytest's own temporary one if there is one, that is gone afterwards.

    Args:
        config: The session's configuration.

    Raises:
        OSError: It could not be made.
    """
    # Not its getbasetemp(), which would make one, and clear away what was there before.
    base = getattr(getattr(config, "_tmp_path_factory", None), "_basetemp", None)
    name = f"leakguard-alone-{_getpid()}-{next(_numbers)}"
    directory = os.path.join(os.fspath(base or tempfile.gettempdir()), name)
    _mkdir(directory, 0o700)
    try:
        yield directory
    finally:
        _remove(directory, ignore_errors=True)


def elsewhere(config: pytest.Config, directory: str) -> None:
    """From now on, in a child, have the temporary directories of tests made there.

    Args:
        config: The session's configuration.
        directory: Where.
    """
    factory: Any = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        factory._basetemp = Path(directory)
