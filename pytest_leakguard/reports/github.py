"""Lines that GitHub Actions shows beside the code: one for each cause that is not tolerated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_leakguard.reports.causes import Cause, causes_of
from pytest_leakguard.reports.facts import SessionFacts
from pytest_leakguard.reports.json import relative
from pytest_leakguard.units import plural

#: In the text of a workflow command, and in its properties.
_IN_TEXT = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_TEXT, ":": "%3A", ",": "%2C"}


def workflow_commands(facts: SessionFacts, root: Path, checkout: Path) -> Iterator[str]:
    """Write a workflow command for each cause, at the line that allocates.

    Args:
        facts: The session.
        root: The session's root directory.
        checkout: Directory that the service gives file names relative to.
    """
    for cause in causes_of(facts, root):
        if cause.fails:
            file = _escape(relative(str(root / cause.file), checkout), _IN_PROPERTY)
            title = _escape(f"{cause.status} leak {cause.fingerprint}", _IN_PROPERTY)
            text = _escape(_message(cause), _IN_TEXT)
            yield f"::error file={file},line={cause.line},title={title}::{text}"


def _message(cause: Cause) -> str:
    lines = [cause.sentence]
    if cause.status_reason:
        lines.append(cause.status_reason)
    if cause.finding is not None and cause.finding.advice:
        lines.append(f"fix: {cause.finding.advice}")
    first, *others = cause.tests
    more = f" and {plural(len(others), 'other test')}" if others else ""
    lines.append(f"seen in {first}{more}")
    return "\n".join(lines)


def _escape(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
