"""Which line made it grow? One more run is watched line by line.

What is watched is a container, a kind of resource (descriptors, child processes, ...), or memory
that no Python object holds. A change is put down to the line that ran last.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol, final

from pytest_leakguard.clock import now
from pytest_leakguard.counters.containers import sized
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.model import Frame
from pytest_leakguard.tracers import OwnTracer

_Stack = tuple[tuple[str, int], ...]
_GetStack = Callable[[], _Stack]


@final
@dataclass(frozen=True, slots=True)
class Watchable:
    """A kind of resource whose members come and go.

    Attributes:
        changes: Tells cheaply whether there may be others than before: a different number.
        members: Lists them, each with what it is called.
    """

    changes: Callable[[], int]
    members: Callable[[], Mapping[Hashable, str]]


@final
@dataclass(frozen=True, slots=True)
class Opening:
    """A resource that a run has left open.

    Attributes:
        key: Its identity among those of its kind.
        text: What it is called.
        frames: The lines that opened it, innermost first; empty when unknown.
    """

    key: Hashable
    text: str
    frames: tuple[Frame, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What one run was seen to do.

    Attributes:
        grown: For each container, the lines that made it grow for good; empty where unknown.
        opened: For each kind of resource, those that the run has left open.
        taken: For each kind of memory, the lines that took what was not given back.
    """

    grown: Sequence[tuple[Frame, ...]] = ()
    opened: Mapping[str, tuple[Opening, ...]] = field(default_factory=dict)
    taken: Mapping[str, tuple[Frame, ...]] = field(default_factory=dict)


class _Gauge(Protocol):
    def look(self, stack: _GetStack) -> None:
        """Compare with the last look; ask for the stack only if something has changed."""
        ...


class _Amount:
    """An amount that lines change, with each line's net part in it."""

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read
        self.net: Counter[_Stack] = Counter()
        self._last = read()

    def look(self, stack: _GetStack) -> None:
        if (amount := self._read()) != self._last:
            self.net[stack()] += amount - self._last
            self._last = self._read()  # less what was just noted

    def lines(self, near: set[tuple[str, int]], expected: float | None = None) -> _Stack:
        """Return the lines that made it grow for good, innermost first; empty if there are none.

        Args:
            near: Lines that are known to have to do with it: they decide between equals.
            expected: By how much it grows for good per run, where that is known.
        """
        net = _without_balanced(self.net)
        if not net:
            return ()
        amount = expected if expected in net.values() else max(net.values())
        tied = [stack for stack, growth in net.items() if growth == amount]
        return max(tied, key=lambda stack: len(near.intersection(stack)))


class _Members:
    """The members of a kind of resource, each with the lines at which it came."""

    def __init__(self, kind: Watchable) -> None:
        self._kind = kind
        self._before = kind.members()
        self._known: Mapping[Hashable, str] = self._before
        self._changes = kind.changes()
        self._origins: dict[Hashable, _Stack] = {}

    def look(self, stack: _GetStack) -> None:
        if (changes := self._kind.changes()) != self._changes:
            members = self._kind.members()
            came = [key for key in members if key not in self._known]
            self._origins.update(dict.fromkeys(came, stack() if came else ()))
            self._known = members
            self._changes = changes

    def opened(self, sources: Sources) -> tuple[Opening, ...]:
        return tuple(
            Opening(key, text, sources.frames(self._origins.get(key, ())))
            for key, text in self._kind.members().items()
            if key not in self._before
        )


class _Watch(OwnTracer):
    """A trace function that looks at every gauge at each line, call and return."""

    def __init__(self, gauges: Sequence[_Gauge], sources: Sources, deadline: float) -> None:
        self._gauges = gauges
        self._sources = sources
        self._deadline = deadline
        self._last: dict[int, tuple[FrameType, int]] = {}
        self._latest: tuple[FrameType, int] | None = None

    def __call__(self, frame: FrameType, event: str, _arg: object) -> _Watch | None:
        for gauge in self._gauges:
            gauge.look(self._stack)
        if event == "call":
            if now() > self._deadline:
                self._gauges = ()
            if self._sources.is_machinery(frame.f_code.co_filename):
                return None
        here, line = frame, frame.f_lineno
        if event == "return":
            if frame.f_back is None:
                self._last.pop(threading.get_ident(), None)
                return self
            here, line = frame.f_back, frame.f_back.f_lineno
        self._last[threading.get_ident()] = self._latest = (here, line)
        return self

    def _stack(self) -> _Stack:
        # A thread that has just begun was started by the line that ran last, whoever ran it.
        if (last := self._last.get(threading.get_ident(), self._latest)) is None:
            return ()
        frame, line = last
        places = [(frame.f_code.co_filename, line)]
        back = frame.f_back
        while back is not None:
            places.append((back.f_code.co_filename, back.f_lineno))
            back = back.f_back
        return tuple(places)


def watch(  # noqa: PLR0913  # most of them by name
    run: Callable[[], None],
    sources: Sources,
    *,
    containers: Sequence[object] = (),
    allocations: Sequence[Sequence[Frame]] = (),
    resources: Mapping[str, Watchable] | None = None,
    amounts: Mapping[str, tuple[Callable[[], int], float]] | None = None,
    seconds: float = float("inf"),
) -> Watched:
    """Run once more and tell which lines made something grow for good.

    Args:
        run: Runs the test once.
        sources: Names the lines.
        containers: Those whose length is watched; those without a length give an empty answer.
        allocations: For each container, where what it retains was allocated: where two lines add
            as much, and one of them is made up for elsewhere, it is the other one.
        resources: Kinds of resource by their names.
        amounts: How memory is read, and how much a run is known to retain, by names.
        seconds: Time after which nothing is looked at any more.
    """
    lengths = [
        _Amount(lambda container=container, length=length: length(container))  # type: ignore[misc]  # bound at once
        if (length := sized(container)) is not None
        else None
        for container in containers
    ]
    kinds = {name: _Members(kind) for name, kind in (resources or {}).items()}
    memory = {name: (_Amount(read), expected) for name, (read, expected) in (amounts or {}).items()}
    gauges: list[_Gauge] = [gauge for gauge in lengths if gauge is not None]
    gauges += [*kinds.values(), *(amount for amount, _ in memory.values())]
    _run_traced(run, _Watch(gauges, sources, now() + seconds))
    near = [{(frame.file, frame.line) for frame in frames} for frames in allocations]
    near += [set() for _ in range(len(containers) - len(near))]
    return Watched(
        grown=[
            sources.frames(gauge.lines(places)) if gauge is not None else ()
            for gauge, places in zip(lengths, near, strict=True)
        ],
        opened={name: members.opened(sources) for name, members in kinds.items()},
        taken={
            name: sources.frames(amount.lines(set(), expected))
            for name, (amount, expected) in memory.items()
        },
    )


def _run_traced(run: Callable[[], None], trace: _Watch) -> None:
    before, threads_before = sys.gettrace(), threading.gettrace()
    sys.settrace(trace)
    threading.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
        threading.settrace(threads_before)


def _without_balanced(net: Mapping[_Stack, int]) -> dict[_Stack, int]:
    """Return where an amount grew, without what as many other lines have made up for."""
    amounts = Counter(net.values())
    return {
        stack: growth
        for stack, growth in net.items()
        if growth > 0 and amounts[-growth] < amounts[growth]
    }
