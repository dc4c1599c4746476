"""How is a loop judged whose body is its own? By a thread that asks for one more pass at a time."""

from __future__ import annotations

import contextvars
import sys
import threading
from _thread import allocate_lock  # what threading.Lock is, which tests replace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, final

from pytest_leakguard.api import Checker
from pytest_leakguard.clock import now
from pytest_leakguard.errors import InvalidSettingError, LeakFoundError
from pytest_leakguard.heap import is_in_use
from pytest_leakguard.inside.caller import calling_frame, place_of, read_settings, variables_of
from pytest_leakguard.model import CONTEXT, Result
from pytest_leakguard.reports.text import failure_page
from pytest_leakguard.settings import Settings

_FAILING = frozenset({"leak", "inconclusive", "unchecked"})
#: A trace or profile function; Any, as typeshed has another for each.
_Tracer = Callable[..., Any] | None


class _AbandonedError(BaseException):
    """The loop was left: there are no more passes."""


@final
class _Body:
    """The body of a loop in another thread, as something that can be run.

    Two threads take turns, each with the lock that the other releases.
    """

    def __init__(self) -> None:
        self._asked, self._passed = allocate_lock(), allocate_lock()
        self._asked.acquire()
        self._passed.acquire()
        self._is_over = self._is_abandoned = False
        self._asking: tuple[_Tracer, _Tracer] = (None, None)
        self._own: tuple[_Tracer, _Tracer] = (None, None)

    # By the thread that judges

    def run(self) -> None:
        """Have the loop make one more pass, watched as this thread is watched."""
        self._asking = sys.gettrace(), sys.getprofile()
        self._asked.release()
        self._passed.acquire()
        if self._is_abandoned:
            raise _AbandonedError

    def end(self) -> None:
        """Let the loop end."""
        self._is_over = True
        self._asked.release()

    # By the thread of the loop

    def is_wanted(self) -> bool:
        """Wait until another pass is asked for; ``False`` if there will be none."""
        self._asked.acquire()
        return not self._is_over

    def begin(self, frame: FrameType) -> None:
        """Let the tracers of the judging thread, if it has any, watch the body."""
        trace, profile = self._asking
        self._own = sys.gettrace(), sys.getprofile()
        if profile is not None:
            sys.setprofile(profile)
        if trace is not None:
            sys.settrace(trace)
            frame.f_trace = trace(frame, "call", None)

    def has_passed(self, frame: FrameType) -> None:
        """Tell that the body was run through."""
        trace, profile = self._asking
        if profile is not None:
            sys.setprofile(self._own[1])
        if trace is not None:
            sys.settrace(self._own[0])
            frame.f_trace = self._own[0]
        self._passed.release()

    def abandon(self) -> None:
        """Tell that there are no more passes."""
        self._is_abandoned = True
        self._passed.release()


@final
class _Judge:
    """Judges a body in a thread of its own; knows nothing that would keep the loop alive.

    Attributes:
        frame: The loop's, while it waits for the next pass; ``None`` while it passes.
        result: The verdict; ``None`` before.
        failure: What went wrong with the judging itself.
    """

    def __init__(
        self, settings: Settings, own_seconds: float, variables: Callable[[], Mapping[str, object]]
    ) -> None:
        self.body = _Body()
        self.frame: FrameType | None = None
        self.result: Result | None = None
        self.failure: BaseException | None = None
        self._settings = settings
        self._own_seconds = own_seconds
        self._variables = variables
        self._context = contextvars.copy_context()
        self._thread = threading.Thread(target=self._work, name="leakguard judge", daemon=True)
        self._thread.start()

    def note_caller(self, frame: FrameType) -> None:
        """Note where the loop waits, and its context variables, which a thread has of its own."""
        self.frame = frame
        self._context = contextvars.copy_context()

    def end(self) -> None:
        """Stop judging, if it is not done."""
        self.body.abandon()
        self._thread.join()

    def _work(self) -> None:
        sys.settrace(None)  # a tool for coverage watches every thread
        checker = Checker(extra_roots=self._places)
        try:
            self.result = checker.check(self.body, self._settings, own_seconds=self._own_seconds)
        except _AbandonedError:
            pass
        except BaseException as error:  # raised again in the loop's thread
            self.failure = error
        finally:
            checker.close()
            self.body.end()

    def _places(self) -> Mapping[str, object]:
        own = {} if self.frame is None else variables_of(self.frame)
        return {**self._variables(), **own, CONTEXT: self._context}


@final
class RoundTrips:
    """An iterator whose loop is gone through as often as a verdict on its body needs.

    Args:
        settings: How it is judged.
        variables: Called for each diagnosis; further named places where holders may live.

    Raises:
        InvalidSettingError: There are workers.

    Attributes:
        result: The verdict; ``None`` until the loop has ended by itself, or if it judged nothing.
    """

    def __init__(
        self, settings: Settings, variables: Callable[[], Mapping[str, object]] = dict
    ) -> None:
        self.result: Result | None = None
        self._settings = replace(settings, isolate=False)  # a child would have no loop
        self._variables = variables
        self._judge: _Judge | None = None
        self._began: float | None = None
        self._is_over = False
        if settings.crew > 1:
            accepted = "1, since the body of a loop runs where the loop is"
            raise InvalidSettingError("workers", settings.workers, accepted)

    def __iter__(self) -> Iterator[None]:
        return iter((None,)) if is_in_use() else self

    def __next__(self) -> None:
        """Return where another pass is needed.

        Raises:
            StopIteration: The body leaves nothing behind, or what it leaves has an end.
            LeakFoundError: It leaks, or that could not be told.
        """
        __tracebackhide__ = True
        if self._is_over:
            raise StopIteration
        if self._began is None:
            self._began = now()
            return
        frame = calling_frame()
        if self._judge is None:
            self._judge = _Judge(self._settings, now() - self._began, self._variables)
            self._judge.note_caller(frame)
        else:
            self._judge.note_caller(frame)
            self._judge.body.has_passed(frame)
        if self._judge.body.is_wanted():
            self._judge.frame = None
            self._judge.body.begin(frame)
            return
        self._finish(self._judge, place_of(frame))
        raise StopIteration

    def _finish(self, judge: _Judge, place: str) -> None:
        __tracebackhide__ = True
        self.close()
        self.result = judge.result
        if judge.failure is not None:
            raise judge.failure
        if self.result is not None and self.result.verdict in _FAILING:
            page = failure_page(self.result, self._settings, where=place, root=Path.cwd())
            raise LeakFoundError(page, self.result)

    def close(self) -> None:
        """End the judging; to be called when the loop is left early, as ``del`` does."""
        self._is_over = True
        if self._judge is not None:
            self._judge.end()
            self._judge = None

    def __del__(self) -> None:
        self.close()


def round_trips(**settings: object) -> RoundTrips:
    """Judge the body of a ``for`` loop, which is gone through as often as a verdict needs.

    The first pass is the ordinary one. A sound body is gone through nine times, and one that leaks
    some sixty times. Inside a test that is itself being run again, the loop has one pass, and
    judges nothing. A loop that is left by ``break`` or by an exception is not judged.

    Args:
        **settings: Fields of :class:`Settings`, as a marker takes them. ``isolate`` has no effect.

    Returns:
        What to loop over; it yields ``None``, and has the verdict as its ``result`` when it ends.

    Raises:
        InvalidSettingError: A setting is unknown or its value does not fit.
        LeakFoundError: When the loop ends: its body leaks, or that could not be told.
    """
    __tracebackhide__ = True
    return RoundTrips(read_settings(settings, Settings()))
