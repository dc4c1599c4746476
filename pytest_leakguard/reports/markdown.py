"""The report for a page of a CI service: what leaks, since when it is known, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pytest_leakguard.reports.causes import Cause, causes_of, rate_of
from pytest_leakguard.reports.facts import SessionFacts
from pytest_leakguard.reports.summary import comparison_lines, summary_line, summary_lists
from pytest_leakguard.reports.text import finding_page
from pytest_leakguard.units import plural

#: What a page may be long, in bytes; GitHub refuses summaries of more than 1 MiB.
MOST_BYTES = 900 << 10
#: Characters that mean something to Markdown inside a line, and to the HTML in it.
_SPECIAL = re.compile(r"([\\`*_\[\]#|<>~&])")
_MOST_TESTS = 20


def render_markdown(facts: SessionFacts, root: Path) -> str:
    """Write a session: one line, a table of causes, each in full to unfold, what was not decided.

    Where that would be too long for a page, the last causes are not unfolded.
    """
    causes = causes_of(facts, root)
    title = summary_line(facts).partition(": ")[2] or "nothing was checked"
    parts = ["## Leak check\n", f"{_plain(title)}\n"]
    if causes:
        parts.append("\n".join(_table(causes)) + "\n")
    also = (*summary_lists(facts, limit=_MOST_TESTS), *comparison_lines(facts, limit=_MOST_TESTS))
    notes = [f"* {_plain(line)}" for line in also]
    ending = "\n".join(["### Also\n", *notes]) + "\n" if notes else ""
    room = MOST_BYTES - sum(len(part.encode()) for part in (*parts, ending))
    for number, cause in enumerate(causes):
        details = "\n".join(_details(cause, root)) + "\n"
        room -= len(details.encode())
        if room < 0:
            left = plural(len(causes) - number, "cause")
            parts.append(f"{left} more, not unfolded here: a JSON report has all of them\n")
            break
        parts.append(details)
    return "\n".join(filter(None, (*parts, ending)))


def _table(causes: list[Cause]) -> Iterator[str]:
    yield "| | tests | growth | held by | where | pattern | fingerprint |"
    yield "|---|--:|---|---|---|---|---|"
    for cause in causes:
        finding = cause.finding
        cells = [
            "**new**" if cause.status == "new" else cause.status,
            str(len(cause.tests)),
            _plain(rate_of(finding) if finding is not None else cause.sentence),
            _cell(finding.holder) if finding is not None else "not known",
            _cell(f"{cause.file}:{cause.line}"),
            _plain(cause.pattern),
            _cell(cause.fingerprint),
        ]
        yield f"| {' | '.join(cells)} |"


def _details(cause: Cause, root: Path) -> Iterator[str]:
    what = cause.finding.type if cause.finding is not None else "memory"
    yield f"<details><summary>{_html(f'{cause.status}: {what} in {cause.file}')}</summary>\n"
    lines = [cause.sentence]
    if cause.finding is not None:
        lines = finding_page(cause.finding, root)
    text = "\n".join(lines)
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    yield f"{fence}text\n{text}\n{fence}\n"
    yield f"Seen in {plural(len(cause.tests), 'test')}:\n"
    for nodeid in cause.tests[:_MOST_TESTS]:
        yield f"* {_code(nodeid)}"
    if (more := len(cause.tests) - _MOST_TESTS) > 0:
        yield f"* and {more} more"
    if cause.fails and cause.finding is not None and cause.status == "new":
        yield "\nTo accept it, put this into `leakguard.toml`, with a reason:\n"
        yield f'```toml\n[[known]]\nfingerprint = "{cause.fingerprint}"\nreason = ""\n```'
    yield "\n</details>"


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _cell(code: str) -> str:
    """Write code in a cell of a table, which any bar would end."""
    return _code(code).replace("|", "\\|")


def _code(text: str) -> str:
    text = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall(r"`+", text)), default=0))
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
