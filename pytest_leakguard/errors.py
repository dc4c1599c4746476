"""What users can get wrong, as exceptions that name the place, the value and what is accepted."""

from __future__ import annotations

from pytest_leakguard.escaping import printable


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


class LeakFoundError(LeakguardError, AssertionError):
    """What was judged leaks, or that could not be told; the text is the report.

    Attributes:
        result: The :class:`Result` with its findings; ``None`` where one pass or object was judged.
    """

    def __init__(self, page: str, result: object = None) -> None:
        super().__init__(page)
        self.result = result


class NotMeasuredError(LeakguardError, RuntimeError):
    """A measurement was asked for that there is not; the text says why."""


class UnsupportedInterpreterError(LeakguardError, RuntimeError):
    """An interpreter other than CPython.

    Attributes:
        interpreter: Its name and version.
    """

    def __init__(self, interpreter: str) -> None:
        super().__init__(interpreter)
        self.interpreter = interpreter

    def __str__(self) -> str:
        return (
            f"pytest-leakguard measures CPython's own memory, and this is {self.interpreter}: run"
            " these tests with CPython, or with --leak-mode=off"
        )


class MissingPackageError(InvalidSettingError):
    """A setting that needs a package which is not installed.

    Attributes:
        package: The package.
        extra: The extra of this package that brings it.
    """

    def __init__(self, setting: str, package: str, *, extra: str) -> None:
        super().__init__(setting, "", f"{package} to be installed")
        self.package = package
        self.extra = extra

    def __str__(self) -> str:
        return (
            f"{self.setting}: needs {self.package}, which is not installed;"
            f" pip install 'pytest-leakguard[{self.extra}]' brings it where there is one for the"
            " platform"
        )


class UnusableFileError(LeakguardError):
    """A file of ours that cannot be used.

    Attributes:
        path: Its path.
        reason: What is the matter, in words.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{printable(str(self.path))}: {self.reason}"


class UnusableHistoryError(UnusableFileError):
    """A history that cannot be read or written."""


class UnusableSnapshotError(UnusableFileError):
    """A snapshot that cannot be read, or is too large to be written."""
