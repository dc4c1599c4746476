"""What has one pass through a block made that is still reachable?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, final

from pytest_leakguard.errors import InvalidSettingError, LeakFoundError
from pytest_leakguard.heap import is_in_use
from pytest_leakguard.inside.caller import calling_frame, place_of, read_settings, variables_of
from pytest_leakguard.model import Finding
from pytest_leakguard.reports.text import block_page
from pytest_leakguard.settings import Settings

if TYPE_CHECKING:
    from pytest_leakguard.diagnosis.single import Single


@final
class RoundTrip:
    """A context whose block is gone through once, and what it has made that is still reachable.

    A first pass also fills caches and imports: what it keeps is not yet a leak, so that only an
    explicit limit fails. What native code holds, and strings, bytes and numbers by themselves, are
    seen only as parts of what the collector tracks.

    Args:
        settings: The limits: ``max_objects`` and ``max_bytes``.
        variables: Called at the end; further named places where holders may live.

    Attributes:
        objects: Objects that were made inside and are still reachable: those that the collector
            tracks. 0 before the block has ended.
        bytes: What they and what only they refer to weigh, in bytes.
        types: How many of each type, by dotted name.
        findings: Who holds them, the heaviest first; amounts "per run" are those of the one pass.
    """

    def __init__(
        self, settings: Settings, variables: Callable[[], Mapping[str, object]] = dict
    ) -> None:
        self.objects = 0
        self.bytes = 0
        self.types: Mapping[str, int] = Counter()
        self.findings: tuple[Finding, ...] = ()
        self._settings = settings
        self._variables = variables
        self._where = ""
        self._single: Single | None = None

    def __enter__(self) -> RoundTrip:
        if is_in_use():
            return self
        from pytest_leakguard.diagnosis.single import Single  # heavy

        frame = calling_frame()
        self._where = place_of(frame)
        self._single = Single(lambda: {**self._variables(), **variables_of(frame)}, frame.f_code)
        self._single.begin()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        single, self._single = self._single, None
        if single is None:
            return
        try:
            if exc_type is not None:
                return
            seen = single.look()
        finally:
            single.end()
        self.types, self.bytes, self.findings = seen.types, seen.size_bytes, seen.findings
        self.objects = sum(seen.types.values())
        if self._is_too_much():
            raise LeakFoundError(
                block_page(
                    self.findings,
                    self._settings,
                    objects=self.objects,
                    size_bytes=self.bytes,
                    where=self._where,
                    root=Path.cwd(),
                )
            )

    def _is_too_much(self) -> bool:
        most, heaviest = self._settings.max_objects, self._settings.max_bytes
        return (most is not None and self.objects > most) or (
            heaviest is not None and self.bytes > heaviest
        )


def round_trip(**limits: object) -> RoundTrip:
    """Tell what a ``with`` block makes and leaves reachable, in its one pass.

    Inside a test that is itself being run again, nothing is looked at.

    Args:
        **limits: ``max_objects`` and ``max_bytes``, as a marker takes them: more than that fails.
            Without any, nothing does.

    Returns:
        The context; after the block, it has what was found.

    Raises:
        InvalidSettingError: A limit is unknown or its value does not fit.
        LeakFoundError: When the block ends: it has left more than a limit allows.
    """
    __tracebackhide__ = True
    return RoundTrip(read_limits(limits))


def read_limits(limits: Mapping[str, object]) -> Settings:
    """Read the limits of a block.

    Raises:
        InvalidSettingError: One is unknown or its value does not fit.
    """
    __tracebackhide__ = True
    accepted = ("max_objects", "max_bytes")
    for name in limits:
        if name not in accepted:
            raise InvalidSettingError("keyword", name, f"one of {', '.join(accepted)}")
    return read_settings(limits, Settings())
