"""The report that GitLab shows in a merge request: its code quality format.

A list of issues, each with ``description``, ``check_name``, ``fingerprint``, ``severity`` and
``location``, as GitLab's documentation of the ``codequality`` report asks for.
"""

from __future__ import annotations

import json
from pathlib import Path

from pytest_leakguard.reports.causes import Cause, causes_of
from pytest_leakguard.reports.facts import SessionFacts


def render_gitlab(facts: SessionFacts, root: Path) -> str:
    """Write the causes of a session's leaks; those that are known as mere information."""
    issues = [_issue(cause) for cause in causes_of(facts, root)]
    return json.dumps(issues, indent=1, ensure_ascii=False) + "\n"


def _issue(cause: Cause) -> dict[str, object]:
    known = f"; {cause.status}: {cause.status_reason}" if cause.status_reason else ""
    return {
        "description": f"leak: {cause.sentence}{known}",
        "check_name": f"leakguard/{cause.pattern.replace(' ', '-')}",
        "fingerprint": cause.fingerprint,
        "severity": "major" if cause.fails else "info",
        "location": {"path": cause.file, "lines": {"begin": cause.line}},
    }
