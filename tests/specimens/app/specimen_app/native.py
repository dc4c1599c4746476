"""Memory and references that only C knows about."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.free.restype = None
_libc.free.argtypes = [ctypes.c_void_p]

Comparison = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
comparisons: list[Any] = []
maps: list[mmap.mmap] = []
buffers: dict[str, Any] = {}


def tag_request(identity: str) -> None:
    """Tell child processes which request they belong to, the careless way."""
    os.environ["SPECIMEN_REQUEST"] = identity


class Ticket:
    """An object that C code is handed."""


def allocate(size: int) -> int:
    address = _libc.malloc(size)
    ctypes.memset(address, 1, size)
    return int(address)


def release(address: int) -> None:
    _libc.free(address)


def borrow_for_ever() -> None:
    """Take a reference the way careless C code does, and lose it."""
    ticket = Ticket()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(ticket))


def borrow_and_give_back() -> None:
    ticket = Ticket()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(ticket))
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(ticket))


def compare_by(reverse: bool) -> Any:
    def compare(left: int, right: int) -> int:
        return right - left if reverse else left - right

    comparison = Comparison(compare)
    comparisons.append(comparison)
    return comparison


def map_pages(size: int) -> mmap.mmap:
    mapped = mmap.mmap(-1, size)
    maps.append(mapped)
    return mapped
