"""What does a CI service show by itself, if the session runs on one?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pytest_leakguard.reports import SessionFacts
from pytest_leakguard.reports.github import workflow_commands
from pytest_leakguard.reports.markdown import render_markdown


def append_to_summary(facts: SessionFacts, root: Path) -> None:
    """Add a session to the page that the job has; does nothing where there is none.

    Args:
        facts: The session.
        root: Directory that file names are given relative to.

    Raises:
        OSError: The page cannot be written.
    """
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(render_markdown(facts, root))


def commands(facts: SessionFacts, root: Path) -> Iterable[str]:
    """Return lines to print for the service to read; none where nobody reads them."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return ()
    return workflow_commands(facts, root, Path(os.environ.get("GITHUB_WORKSPACE") or root))
