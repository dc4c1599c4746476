"""How are names written that may hold anything, to terminals and for spreadsheets?"""

from __future__ import annotations

#: What makes a spreadsheet read a cell as a formula; and the apostrophe, which takes that back.
_FORMULA = tuple("=+-@＝＋－＠'")  # noqa: RUF001  # of full width, as East Asian editions take them


def printable(text: str) -> str:
    """Return a text with its control characters, and others that do not print, escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def cell(text: str) -> str:
    """Return a text that a spreadsheet takes for nothing but text.

    What begins like a formula, or with an apostrophe, is given an apostrophe in front: taking one
    off restores it.
    """
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
