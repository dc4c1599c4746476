"""How is a file written: whole, or not at all?"""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Give a text file to write to, which takes its place when all is written.

    Whoever reads the path has the old text or the new one, also when this process is killed. Lines
    end as they are written; half a character, as names of files may have it, is written as its
    escape.

    Args:
        path: The file; made if there is none, with the rights that new files have. A link is
            followed; to what is no file, such as a pipe, is written directly.

    Raises:
        OSError: It cannot be written; it is left as it was.
    """
    with replacing_bytes(path) as binary:
        file = io.TextIOWrapper(binary, "utf-8", errors="backslashreplace", newline="")
        try:
            yield file
            file.flush()
        finally:
            with suppress(ValueError):  # closed by the writer
                file.detach()


@contextmanager
def replacing_bytes(path: Path) -> Iterator[BinaryIO]:
    """Give a binary file to write to, as :func:`replacing` does.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be written; it is left as it was.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        with path.open("wb") as file:
            yield file
        return
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mode = 0o666 & ~_umask()
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    """Return which rights new files do not have; it can only be asked by setting it."""
    os.umask(mask := os.umask(0o077))
    return mask
