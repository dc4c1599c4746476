"""How is text shown that may hold anything?"""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """Return a text with its control characters, and others that do not print, escaped.

    Among these are what turns the direction of text and what takes no room.

    Args:
        text: The text.
        keep: Characters that stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape").decode()
        for character in text
    )


def unbroken(text: str) -> str:
    """Return a text with half characters, such as bytes of a file's name, escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
