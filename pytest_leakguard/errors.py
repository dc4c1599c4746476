"""What users can get wrong, as exceptions that name the place, the value and what is accepted."""

from __future__ import annotations


class LeakguardError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidSettingError(LeakguardError, ValueError):
    """A setting that cannot be used.

    Attributes:
        setting: Name of the setting as the user wrote it, such as ``runs`` or ``--leak-runs``.
        value: What was given.
        accepted: What would have been accepted, in words.
    """

    def __init__(self, setting: str, value: object, accepted: str) -> None:
        super().__init__(setting, value, accepted)
        self.setting = setting
        self.value = value
        self.accepted = accepted

    def __str__(self) -> str:
        return f"{self.setting}: expected {self.accepted} (got {self.value!r})"
