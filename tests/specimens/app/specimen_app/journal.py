"""Chains of entries in which each one knows the one before it."""

from __future__ import annotations


class Entry:
    """A line of a journal."""

    __slots__ = ("previous", "text")

    def __init__(self, text: str, previous: Entry | None) -> None:
        self.text = text
        self.previous = previous


class Journal:
    """Holds the newest entry only, which holds all the others."""

    def __init__(self) -> None:
        self.head: Entry | None = None

    def write(self, text: str) -> None:
        self.head = Entry(text, self.head)

    def rewrite(self, text: str) -> None:
        """Replace the newest entry instead of building on it."""
        before = self.head.previous if self.head else None
        self.head = Entry(text, before)


class UploadError(Exception):
    """An upload that failed."""


class Uploader:
    """Remembers how the last upload failed."""

    last_error: UploadError | None = None

    def fail(self, name: str) -> None:
        """Blame the failure before, which in turn blames the one before it."""
        error = UploadError(name)
        error.__cause__ = Uploader.last_error
        Uploader.last_error = error

    def fail_alone(self, name: str) -> None:
        Uploader.last_error = UploadError(name)


journal = Journal()
