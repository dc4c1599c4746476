"""What the whole suite shares."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

# The same examples on every machine, and none that fails because a machine is slow.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def git_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Callable[..., str]]:
    """Give what runs git in a directory, as nobody in particular, and answers what it prints."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tests")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tests@example.org")

    def directory(path: Path) -> Callable[..., str]:
        def run(*arguments: str) -> str:
            command = ["git", "-C", str(path), *arguments]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            return done.stdout.strip()

        return run

    return directory
