"""How do the parts work together? Check one test, or any callable, from first run to result.

Nothing else builds collaborators.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from pytest_leakguard import forkable
from pytest_leakguard.clock import now
from pytest_leakguard.conclusion import Concluder, hold_to_one_process
from pytest_leakguard.counters import Counter, noting
from pytest_leakguard.counters.nearby import Neighbourhood
from pytest_leakguard.counters.selection import Selection
from pytest_leakguard.decision import exempt
from pytest_leakguard.empty_test import judge_empty_test
from pytest_leakguard.evidence import Profile
from pytest_leakguard.heap import Heap, Pacer, is_in_use
from pytest_leakguard.model import Result
from pytest_leakguard.pipeline import Pipeline
from pytest_leakguard.runner import (
    BROKEN,
    BrokenRunError,
    EverSlowerError,
    Profiler,
    Recorder,
    Subject,
    Trial,
)
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import Settings, parse_settings
from pytest_leakguard.soak.watching import Watch
from pytest_leakguard.workers import Called

_NESTED = "what asks for it is itself being run again"


_Judge = Callable[[Trial, Sampler], Result]


class Checker:
    """Checks tests one after the other in one process.

    Args:
        track: Names of the counters to read; ``None`` for all that the platform has.
        extra_roots: Called for each diagnosis; named places where holders may live.
        kept_files: Is found in paths where temporary files are cleared away by others.
        harness: What of this process belongs to those who run the tests.

    Attributes:
        selection: Selects the counters that are read.
    """

    def __init__(
        self,
        *,
        track: tuple[str, ...] | None = None,
        extra_roots: Callable[[], Mapping[str, object]] = dict,
        kept_files: re.Pattern[str] | None = None,
        harness: forkable.Harness = forkable.Harness(),  # noqa: B008  # a frozen value
    ) -> None:
        self.selection = Selection(track)
        self._kept_files = kept_files
        self._interrupts = harness.interrupts
        self._obstacles = forkable.Obstacles(harness)
        self._pacer = Pacer()
        self._concluder = Concluder(extra_roots)
        self._pipeline = Pipeline(self._concluder)
        self._self_check: Result | None = None

    def close(self) -> None:
        """Leave the interpreter as it was found; to be called when nothing more is checked."""
        self.selection.leave_neighbourhood()
        self._pacer.restore()

    def self_check(self) -> Result:
        """Judge an empty test, once per process: if it is not flat, nothing can be judged."""
        if self._self_check is None:
            self._self_check = judge_empty_test(self.selection)
        return self._self_check

    def check(  # noqa: PLR0913  # most of them by name
        self,
        subject: Subject,
        settings: Settings,
        *,
        marked: bool = True,
        neighbourhood: Neighbourhood | None = None,
        own_seconds: float = 0.0,
        recorder: Recorder | None = None,
        watch: Watch | None = None,
    ) -> Result:
        """Judge a test whose first run is done and passed.

        Args:
            subject: Runs the test again.
            settings: How it is checked.
            marked: The test's author asked for the check: it gets a traced pass of its own under
                ``trace='auto'``, and every counter whatever it costs.
            neighbourhood: Where containers are that may gain items; ``None``: nowhere.
            own_seconds: How long the first run took, in seconds: with ``isolate``, what a child is
                waited for is a multiple of it.
            recorder: Takes snapshots around traced runs; ``None``: nobody asks for them.
            watch: Sees a soak; ``None``: nobody does, and what interrupts one is raised.
        """
        begun = now()
        if settings.isolate and forkable.CAN_FORK:
            # What an import leaves to be done by what runs next must not be seen in the first test.
            from pytest_leakguard import isolate  # noqa: F401  # used by what is called below
        if (self_check := self.self_check()).verdict != "clean":
            return Result(verdict="unchecked", reason=self_check.reason, executions=1)
        chosen = self.selection.of_test(settings, neighbourhood, at_any_cost=marked)
        not_isolated = self._obstacles.first() if settings.isolate else ""
        isolated = settings.isolate and not not_isolated
        judge = partial(
            self._pipeline.judge,
            traced=_is_traced(settings, marked=marked),
            recorder=recorder,
            # A child's interrupt is for the parent to hear.
            watch=None if watch is None else replace(watch, stops=() if isolated else watch.stops),
        )

        def judged(subject: Subject) -> Result:
            result = self._check_twice(subject, settings, chosen, judge)
            return _with_memory(result if recorder is None else recorder.close(result))

        if isolated:
            result = self._check_in_child(subject, settings, own_seconds, judged)
        else:
            result = judged(subject)
            result = replace(result, not_isolated=not_isolated)
            self._pacer.keep_pace()
            self._pacer.collect_if_due(after_suspect=result.verdict != "clean")
        if settings.ignore and not result.ignored:  # nothing was found
            result = replace(result, ignored=exempt((), settings.ignore)[1])
        return replace(result, seconds=now() - begun)

    def profile(
        self,
        profiler: Profiler,
        subject: Subject,
        settings: Settings,
        result: Result,
        *,
        own_seconds: float = 0.0,
    ) -> Result:
        """Return the verdict on a leaking test, with a profile of some further runs.

        These happen where those did that the verdict rests on, and change nothing of it.

        Args:
            profiler: Records them.
            subject: Runs the test again.
            settings: How it was checked.
            result: The verdict, with its findings.
            own_seconds: As :meth:`check` takes it.
        """
        begun = now()

        def profiled(subject: Subject) -> Profile:
            with Heap(frozen=False) as heap:
                return profiler.profile(
                    Trial(subject=subject, settings=settings, heap=heap), result
                )

        if settings.isolate and not self._obstacles.first():
            profile = self._profile_in_child(profiled, profiler, subject, settings, own_seconds)
        else:
            profile = profiled(subject)
            self._pacer.collect_if_due(after_suspect=True)
        return replace(result, profile=profile, seconds=result.seconds + now() - begun)

    def _profile_in_child(
        self,
        profiled: Callable[[Subject], Profile],
        profiler: Profiler,
        subject: Subject,
        settings: Settings,
        own_seconds: float,
    ) -> Profile:
        from pytest_leakguard import isolate

        def work(announced: Subject) -> Result:
            self._pacer.retire()
            return Result(verdict="leak", profile=profiled(announced))

        limits = isolate.Limits.of(settings, own_seconds)
        said = isolate.check_in_child(work, subject, limits, self._interrupts)
        return profiler.failed(said.reason) if said.profile is None else said.profile

    def look(
        self,
        subject: Subject,
        settings: Settings,
        *,
        marked: bool = True,
        neighbourhood: Neighbourhood | None = None,
    ) -> Result:
        """Tell whether a test whose first run is done keeps growing, and not why.

        Args:
            subject: Runs the test again.
            settings: How it is checked.
            marked: As :meth:`check` takes it, but for the counters: all are read.
            neighbourhood: As :meth:`check` takes it.

        Returns:
            ``clean``, ``leak``, ``inconclusive`` or ``unchecked``, without findings.
        """
        if (self_check := self.self_check()).verdict != "clean":
            return Result(verdict="unchecked", reason=self_check.reason, executions=1)
        chosen = self.selection.of_test(settings, neighbourhood, at_any_cost=True)
        traced = _is_traced(settings, marked=marked)
        look = partial(self._pipeline.look, traced=traced)
        return self._check_twice(subject, settings, chosen, look)

    def _check_in_child(
        self,
        subject: Subject,
        settings: Settings,
        own_seconds: float,
        judged: Callable[[Subject], Result],
    ) -> Result:
        from pytest_leakguard import isolate

        def check(announced: Subject) -> Result:
            self._pacer.retire()
            return hold_to_one_process(judged(announced), announced, settings)

        limits = isolate.Limits.of(settings, own_seconds)
        result = isolate.check_in_child(check, subject, limits, self._interrupts)
        self._concluder.believe(result)
        return result

    def _check_twice(
        self,
        subject: Subject,
        settings: Settings,
        chosen: tuple[Counter, ...],
        judge: _Judge,
    ) -> Result:
        """Judge a test, and once more on a thawed heap if its re-runs fail."""
        result = self._check(subject, settings, chosen, judge, frozen=True)
        fails = result.verdict == "inconclusive" and result.reason.startswith(BROKEN)
        if fails and result.soak is None:
            # Tests of the collector or of weak references can fail on a frozen heap only.
            thawed = self._check(subject, settings, chosen, judge, frozen=False)
            result = replace(thawed, executions=thawed.executions + result.executions - 1)
        return result

    def _check(
        self,
        subject: Subject,
        settings: Settings,
        chosen: tuple[Counter, ...],
        judge: _Judge,
        *,
        frozen: bool,
    ) -> Result:
        with noting(self._kept_files), Heap(frozen=frozen) as heap:
            self._pacer.look()
            sampler = Sampler(chosen)
            trial = Trial(subject=subject, settings=settings, heap=heap)
            try:
                return judge(trial, sampler)
            except BrokenRunError as broken:
                reason = f"{BROKEN} (execution {trial.executions}): {broken}"
                if isinstance(broken, EverSlowerError):
                    reason = str(broken)
                return Result(
                    verdict="inconclusive",
                    reason=reason,
                    executions=trial.executions,
                    series=sampler.series(),
                )


def _with_memory(result: Result) -> Result:
    """Add to a leak of bytes where the memory of this process is, now that it is judged."""
    if not result.is_of_bytes:
        return result
    with suppress(Exception):  # the verdict stands without it, whatever a test has made of a system
        from pytest_leakguard.memory import measure  # only for such leaks

        return replace(result, memory=measure(objects=False, moment="after the last run"))
    return result


def _is_traced(settings: Settings, *, marked: bool) -> bool:
    return settings.trace == "always" or (settings.trace == "auto" and marked)


def check(function: Callable[[], object], **settings: object) -> Result:
    """Check whether a callable leaks, without pytest.

    Args:
        function: Called without arguments, again and again; what it returns is dropped.
        **settings: Fields of :class:`Settings`, as a marker takes them:
            ``max_bytes='4 KiB'``, ``confirm='30 s'``, ``duration='10 min', workers=4``. With a
            duration, Ctrl-C ends the soak, and the result says what is known by then.

    Returns:
        The verdict with its evidence and findings.

    Raises:
        InvalidSettingError: A setting is unknown or its value does not fit.
        Exception: Whatever the first call raises.
    """
    return check_with(function, Settings(**parse_settings(settings)))


def check_with(function: Callable[[], object], settings: Settings) -> Result:
    """Check whether a callable leaks, with settings that are read already.

    Inside a test that is itself being run again, it is called once, and not judged.

    Args:
        function: As :func:`check` takes it.
        settings: How it is checked.

    Raises:
        Exception: Whatever the first call raises.
    """
    begun = now()
    function()
    own_seconds = now() - begun
    if is_in_use():
        return Result(verdict="unchecked", reason=_NESTED, executions=1)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    checker = Checker(extra_roots=lambda: {name: function})
    try:
        subject = Called(function, settings.crew)
        return checker.check(subject, settings, own_seconds=own_seconds, watch=Watch())
    finally:
        checker.close()
