"""How many child processes are running, or have ended and were not waited for?"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import psutil

# Absent on Windows, which has no zombies.
_wait: Callable[[int, int, int], Any] | None = getattr(os, "waitid", None)
_LOOK = _wait and os.WEXITED | os.WNOHANG | getattr(os, "WNOWAIT", 0)
_TASKS = "/proc/self/task"


class Children:
    """Child processes of this one, zombies included."""

    name = "children"
    noun = "child process"

    @staticmethod
    def works() -> bool:
        """Tell whether the system says cheaply that there are none, as is the rule."""
        return _wait is not None and hasattr(os, "WNOWAIT")

    def read(self, _wait: Any = _wait) -> int:
        """Return their number."""
        try:
            _wait(os.P_ALL, 0, _LOOK)
        except ChildProcessError:
            return 0
        return len(list_children())


def list_children() -> list[int]:
    """Return their process identifiers."""
    try:
        return [int(pid) for task in os.listdir(_TASKS) for pid in _children_of(task)]
    except OSError:
        return [child.pid for child in psutil.Process().children()]


def _children_of(task: str) -> list[bytes]:
    descriptor = os.open(f"{_TASKS}/{task}/children", os.O_RDONLY)
    try:
        found = b""
        while part := os.read(descriptor, 1 << 16):
            found += part
    finally:
        os.close(descriptor)
    return found.split()


def describe_children() -> dict[int, str]:
    """Return command and state of each child process, by its identifier."""
    described = {}
    for pid in list_children():
        try:
            process = psutil.Process(pid)
            described[pid] = f"process {pid} {process.name()} ({process.status()})"
        except psutil.Error:  # ended meanwhile
            continue
    return described
