"""Does a test's body leak? Call it again and again, without pytest or the plugin, and count.

A script for the virtualenv of a release: ``grow.py FILE RUNS``. It prints, as JSON, what grew per
run in each half of the runs after some that are not counted. This is how a pair gets onto the list.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TIME_LIMIT_SECONDS = 15  # for each part of the runs


class Mallinfo(ctypes.Structure):
    """What glibc tells of its heap: see mallinfo(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def heap_bytes() -> int:
    """Return the bytes that malloc has handed out."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Mallinfo
    heap = mallinfo()
    return int(heap.uordblks + heap.hblkhd)


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def sample() -> dict[str, int]:
    """Count what can leak."""
    for _ in range(3):
        gc.collect()
    interned = getattr(sys, "_getunicodeinternedsize", getattr(sys, "getunicodeinternedsize", int))
    return {
        "gc objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks() - interned(),
        "heap bytes": heap_bytes(),
        "resident bytes": resident_bytes(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
    }


def load(path: str) -> Callable[[], object]:
    """Return the one test of a file."""
    spec = importlib.util.spec_from_file_location("release_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["release_test"] = module
    spec.loader.exec_module(module)
    (name,) = (name for name in vars(module) if name.startswith("test_"))

    def test() -> object:
        return getattr(module, name)()

    return test


def main() -> None:
    """Print the growth per run of the two halves."""
    path, runs = sys.argv[1], int(sys.argv[2])
    test = load(path)
    marks, counts = [], []
    for most in (max(20, runs // 10), runs // 2, runs // 2):
        begun, done = time.monotonic(), 0
        while done < most and time.monotonic() - begun < TIME_LIMIT_SECONDS:
            test()
            done += 1
        marks.append(sample())
        counts.append(done)
    del counts[0]
    halves = [
        {name: round((after[name] - before[name]) / count, 3) for name in after}
        for before, after, count in zip(marks[:-1], marks[1:], counts, strict=True)
    ]
    print(json.dumps({"runs": sum(counts), "halves": halves}))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
