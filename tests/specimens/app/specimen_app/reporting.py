"""Text for people."""

from __future__ import annotations


class Line:
    """A line of a report."""

    def __init__(self, text: str) -> None:
        self.text = text


lines: list[Line] = []


def render(rows: list[str]) -> int:
    """Collect the lines in a name that was declared global by accident."""
    global lines
    for row in rows:
        lines += [Line(row)]
    return len(rows)


def render_locally(rows: list[str]) -> int:
    lines = []
    for row in rows:
        lines += [Line(row)]
    return len(lines)


def currency() -> str:
    return "EUR"
