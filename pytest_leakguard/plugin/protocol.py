"""How is a test torn down in two steps, with re-runs in between? And how does it fail late?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import pytest
from _pytest.logging import caplog_records_key  # deleted by each tear-down, needed by the next
from _pytest.outcomes import TEST_OUTCOME  # what pytest's own tear-down collects

_GROUP_TITLE = "errors during test teardown"
#: pytest's own sections, in the order in which one tear-down adds them.
_CAPTURED = ("stdout", "stderr", "log")


class TearDown:
    """The tear-down of a first run that has passed: of the test itself, then of what is wider.

    Attributes:
        kept_wider: Whether the test was torn down without an error and all that is wider stands.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item: Any = item
        self._following: pytest.Item | None = None
        self._sections = len(self._item._report_sections)
        self.kept_wider = False

    @contextmanager
    def keeping_wider(self) -> Iterator[None]:
        """Keep wider fixtures inside, unless what is torn down before them fails.

        The hook's implementations are told the real next test; only the set-up state is not.
        """
        state = self._item.session._setupstate
        tear_down_to = state.teardown_exact

        def as_far_as_the_item(nextitem: pytest.Item | None) -> None:
            self._following = nextitem
            own = _error_of(tear_down_to, self._item.parent)
            if own is None:
                self.kept_wider = True
                return
            wider = _error_of(tear_down_to, nextitem)
            try:
                raise own if wider is None else _join(wider, own)
            finally:
                del own, wider

        state.teardown_exact = as_far_as_the_item
        try:
            yield
        except BaseException:
            if self.kept_wider:  # a plugin failed: there will be no re-runs
                self.kept_wider = False
                tear_down_to(self._following)
            raise
        finally:
            del state.teardown_exact

    def wider(self, tear_down: Callable[[pytest.Item | None], object], *, at_once: bool) -> None:
        """Tear down what is not needed any more, as part of the same phase.

        Args:
            tear_down: Calls the hook for the next test that it is given.
            at_once: The session ends with this test, by its verdict.
        """
        item = self._item
        nextitem = None if at_once else self._following
        standing = list(item.session._setupstate.stack)
        needed = nextitem.listchain() if nextitem is not None else []
        if standing == needed[: len(standing)]:
            return
        item.stash[caplog_records_key] = {}
        try:
            tear_down(nextitem)
        finally:
            item._report_sections[self._sections :] = _join_sections(
                item._report_sections[self._sections :]
            )


def _error_of(tear_down_to: Callable[[Any], None], nextitem: object) -> BaseException | None:
    try:
        tear_down_to(nextitem)
    except TEST_OUTCOME as error:
        return error
    return None


def _join(wider: BaseException, own: BaseException) -> BaseException:
    """Make of the errors of two steps what one step would have raised."""
    if sys.version_info >= (3, 11):
        from builtins import BaseExceptionGroup
    else:
        from exceptiongroup import BaseExceptionGroup
    errors: tuple[BaseException, ...] = (wider,)
    if isinstance(wider, BaseExceptionGroup) and wider.message == _GROUP_TITLE:
        errors = wider.exceptions
    return BaseExceptionGroup(_GROUP_TITLE, [*errors, own])


def leave_no_frames(error: BaseException) -> None:
    """Take this package's frames out of an error's traceback, as if it had not been in between."""
    head = error.__traceback__
    while head is not None and _is_ours(head):
        head = head.tb_next
    error.__traceback__ = head
    while head is not None and head.tb_next is not None:
        if _is_ours(head.tb_next):
            head.tb_next = head.tb_next.tb_next
        else:
            head = head.tb_next
    for part in getattr(error, "exceptions", ()):
        if isinstance(part, BaseException):
            leave_no_frames(part)


def _is_ours(entry: TracebackType) -> bool:
    return str(entry.tb_frame.f_globals.get("__name__")).startswith("pytest_leakguard.plugin.")


def _join_sections(sections: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Make of the sections of two steps what one step would have added."""
    captured: dict[str, list[str]] = {key: [] for key in _CAPTURED}
    others = []
    for when, key, text in sections:
        if when == "teardown" and key in captured:
            captured[key].append(text)
        else:
            others.append((when, key, text))
    joints = {"log": "\n"}
    return others + [
        ("teardown", key, joints.get(key, "").join(texts))
        for key, texts in captured.items()
        if texts
    ]


def fail(report: pytest.TestReport, path: str, line: int, sentence: str, text: str) -> None:
    """Turn a passed call report into a failure that reads like any other.

    Args:
        report: The report.
        path: The file that the failure is shown at.
        line: The line in it, from 1.
        sentence: One sentence, for short summaries and JUnit messages.
        text: The whole text.
    """
    from _pytest._code.code import (
        ExceptionChainRepr,
        ReprEntryNative,
        ReprFileLocation,
        ReprTraceback,
    )

    crash = ReprFileLocation(path=path, lineno=line, message=sentence)
    lines = [f"{text}\n"]
    traceback = ReprTraceback(reprentries=[ReprEntryNative(lines)], extraline=None, style="native")
    longrepr: Any = ExceptionChainRepr([(traceback, crash, None)])
    report.outcome = "failed"
    report.longrepr = longrepr
