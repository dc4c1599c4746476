"""Which package does a file belong to, as far as its name tells?"""

from __future__ import annotations

import re

_INSTALLED = re.compile(r".*[/\\](?:site|dist)-packages[/\\]([^/\\]+)")
_TOP = re.compile(r"(?:src[/\\])?([^/\\]+)")


def package_of(file: str, *, root: str, library: str) -> str:
    """Return the package of a file: its folder, where it belongs to none.

    Args:
        file: As the interpreter knows it.
        root: Directory of the user's own code; empty if unknown.
        library: Directory of the standard library; empty if unknown.
    """
    if installed := _INSTALLED.match(file):
        return _without_suffix(installed[1])
    for directory, kind in ((root, ""), (library, " (standard library)")):
        below = below_directory(file, directory)
        if below is not None and (top := _TOP.match(below)):
            return _without_suffix(top[1]) + kind
    if file.startswith("<frozen "):
        module = file.removeprefix("<frozen ").rstrip(">")
        return module.partition(".")[0] + " (standard library)"
    return re.sub(r"[/\\][^/\\]*$", "", file)


def _without_suffix(name: str) -> str:
    return name.partition(".")[0] or name


def below_directory(file: str, directory: str) -> str | None:
    """Return a file's name below a directory; ``None`` if it is elsewhere."""
    if not directory or not file.startswith(directory):
        return None
    rest = file[len(directory.rstrip("/\\")) :]
    return rest[1:] if rest[:1] in {"/", "\\"} and rest[1:] else None
