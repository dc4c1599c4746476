"""Is the C library's thread cache found whatever waits in it already?"""

from __future__ import annotations

import subprocess
import sys

import pytest

_FINDS = """
import ctypes
import sys

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
from pytest_leakguard.counters import native  # before, so that what it imports is there

freed, taken_back = map(int, sys.argv[1:])
# In each bin 7 may wait; further ones go to other lists, from which the bin is filled up again.
pointers = [libc.malloc(size) for size in range(24, 1032, 16) for _ in range(2 * freed)]
for pointer in pointers[::2]:  # what has a neighbour in use is not merged with it
    libc.free(pointer)
for size in range(24, 1032, 16):
    for _ in range(taken_back):
        libc.malloc(size)
print(len(native._thread_cache()))
"""


def _found(freed: int, taken_back: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _FINDS, str(freed), str(taken_back)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return int(done.stdout)


@pytest.mark.parametrize("taken_back", [0, 1, 6, 7, 8])
@pytest.mark.parametrize("freed", [1, 7, 8, 20])
def test_a_full_or_mixed_cache_is_found_like_an_empty_one(freed, taken_back):
    if not _found(0, 0):
        pytest.skip("the C library's thread cache is not found here at all")

    assert _found(freed, taken_back) == 64
