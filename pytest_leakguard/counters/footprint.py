"""How much memory does the system count as this process's, shared and its own?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

import psutil

#: What a system, or a psutil of another version, may answer instead.
REFUSALS = (psutil.Error, OSError, NotImplementedError, AttributeError)
_STATM, _ROLLUP = "/proc/self/statm", "/proc/self/smaps_rollup"
_STATM_BYTES, _ROLLUP_BYTES = 128, 4096
_page_bytes = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
_READS_STATM = sys.platform == "linux" and os.path.exists(_STATM)
_READS_ROLLUP = sys.platform == "linux" and os.path.exists(_ROLLUP)
#: What is this process's alone, by the names of the system.
_PRIVATE = (b"Private_Clean:", b"Private_Dirty:", b"Private_Hugetlb:")


def _read_file(
    path: str,
    size: int,
    _open: Callable[[str, int], int] = os.open,
    _read: Callable[[int, int], bytes] = os.read,
    _close: Callable[[int], None] = os.close,
    _flags: int = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0),
) -> bytes:
    descriptor = _open(path, _flags)
    try:
        return _read(descriptor, size)
    finally:
        _close(descriptor)


def read_rss() -> int | None:
    """Return the resident set size in bytes: all that lies in memory, shared or not.

    ``None`` if the system does not tell.
    """
    if _READS_STATM:
        with suppress(OSError, ValueError, IndexError):
            return int(_read_file(_STATM, _STATM_BYTES).split(None, 2)[1]) * _page_bytes
    with suppress(*REFUSALS):
        return int(psutil.Process().memory_info().rss)
    return None


def read_uss() -> int | None:
    """Return the unique set size in bytes: what would come free if the process ended now.

    Takes time that grows with what is mapped, from a tenth of a millisecond on. ``None`` if the
    system does not tell.
    """
    if _READS_ROLLUP:
        with suppress(OSError, ValueError, IndexError):
            lines = _read_file(_ROLLUP, _ROLLUP_BYTES).splitlines()
            return 1024 * sum(
                int(line.split(None, 2)[1]) for line in lines if line.startswith(_PRIVATE)
            )
    with suppress(*REFUSALS):
        return int(psutil.Process().memory_full_info().uss)
    return None


def memory_limit(read: Callable[[str], str] | None = None) -> int:
    """Return how many bytes this process may use with its like; 0 when unknown.

    That is the control group's limit where there is one below the machine's memory.

    Args:
        read: Returns a file's text, or raises ``OSError``; for files of control groups.
    """
    limit = 0
    with suppress(Exception):  # some systems do not tell
        limit = int(psutil.virtual_memory().total)
    for path in _control_group_files(read or _text_of):
        with suppress(OSError, ValueError):  # "max" is no number, and no limit
            given = int((read or _text_of)(path))
            limit = min(limit or given, given)
    return limit


def _text_of(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def _control_group_files(read: Callable[[str], str]) -> list[str]:
    """Return where limits of this process's control group and those above it are written."""
    paths: list[str] = []
    with suppress(OSError):
        for line in read("/proc/self/cgroup").splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:
                root, name = "/sys/fs/cgroup", "memory.max"
            elif "memory" in controllers.split(","):
                root, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
            else:
                continue
            parts = [part for part in group.split("/") if part]
            paths += [
                "/".join([root, *parts[:length], name]) for length in range(len(parts), -1, -1)
            ]
    return paths
