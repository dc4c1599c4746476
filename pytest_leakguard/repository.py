"""What does git say of the directory that tests run in?"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What is checked out.

    Attributes:
        commit: Its full name; empty without git, without a repository, and before the first commit.
        branch: Name of the branch; empty if none is checked out, or there is no commit.
        dirty: Whether a file that git knows differs from the commit; ``None`` if there is none.
    """

    commit: str = ""
    branch: str = ""
    dirty: bool | None = None


def git(directory: Path, *arguments: str) -> str:
    """Return what git prints.

    Args:
        directory: Where it is called.
        arguments: The command and its options.

    Raises:
        OSError: There is no git.
        subprocess.CalledProcessError: It refuses; ``stderr`` says why.
    """
    done = subprocess.run(  # noqa: S603  # no shell
        ["git", "-C", str(directory), *arguments],  # noqa: S607  # the user's own
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # others may be at work in the repository
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def revision_of(directory: Path) -> Revision:
    """Return what is checked out in a directory."""
    commit = _answer(directory, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return Revision()
    changed = _answer(directory, "status", "--porcelain", "--untracked-files=no")
    return Revision(
        commit=commit,
        branch=_answer(directory, "symbolic-ref", "--quiet", "--short", "HEAD") or "",
        dirty=None if changed is None else bool(changed),
    )


def _answer(directory: Path, *arguments: str) -> str | None:
    try:
        return git(directory, *arguments).strip()
    except (OSError, subprocess.CalledProcessError):
        return None
