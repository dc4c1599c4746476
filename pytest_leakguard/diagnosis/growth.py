"""Which line made a container grow? One more run is watched line by line."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType

from pytest_leakguard.counters.containers import sized
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.model import Frame

_Stack = tuple[tuple[str, int], ...]


class _Watch:
    """Lengths of containers, compared at every line, call and return."""

    def __init__(self, containers: Sequence[object], sources: Sources) -> None:
        self._watched = [
            (container, length)
            for container in containers
            if (length := sized(container)) is not None
        ]
        self._lengths = [length(container) for container, length in self._watched]
        self._sources = sources
        self._last: tuple[FrameType, int] | None = None
        self.net: list[Counter[_Stack]] = [Counter() for _ in self._watched]

    def containers(self) -> list[object]:
        return [container for container, _ in self._watched]

    def __call__(self, frame: FrameType, event: str, _arg: object) -> _Watch | None:
        for index, (container, length) in enumerate(self._watched):
            if (now_long := length(container)) != self._lengths[index]:
                self.net[index][self._stack()] += now_long - self._lengths[index]
                self._lengths[index] = now_long
        if event == "call" and self._sources.is_machinery(frame.f_code.co_filename):
            return None
        self._last = (frame, frame.f_lineno)
        if event == "return":
            back = frame.f_back
            self._last = (back, back.f_lineno) if back is not None else None
        return self

    def _stack(self) -> _Stack:
        if self._last is None:
            return ()
        frame, line = self._last
        places = [(frame.f_code.co_filename, line)]
        back = frame.f_back
        while back is not None:
            places.append((back.f_code.co_filename, back.f_lineno))
            back = back.f_back
        return tuple(places)


def find_growing_lines(
    run: Callable[[], None],
    containers: Sequence[object],
    sources: Sources,
    allocations: Sequence[Sequence[Frame]] = (),
) -> list[tuple[Frame, ...]]:
    """Run once more and return, for each container, the lines that made it grow for good.

    Args:
        run: Runs the test once.
        containers: What to watch; those without a length of their own give an empty answer.
        sources: Names the lines.
        allocations: For each container, where what it retains was allocated: where two lines add
            as much, and one of them is made up for elsewhere, it is the other one.
    """
    watch = _Watch(containers, sources)
    before, threads_before = sys.gettrace(), threading.gettrace()
    sys.settrace(watch)
    threading.settrace(watch)
    try:
        run()
    finally:
        sys.settrace(before)
        threading.settrace(threads_before)
    by_identity = dict(zip(map(id, watch.containers()), watch.net, strict=True))
    near: list[set[tuple[str, int]]]
    near = [{(frame.file, frame.line) for frame in frames} for frames in allocations]
    near += [set()] * (len(containers) - len(near))
    return [
        sources.frames(_growing(by_identity.get(id(container), Counter()), places))
        for container, places in zip(containers, near, strict=True)
    ]


def _growing(net: Counter[_Stack], near: set[tuple[str, int]]) -> _Stack:
    most = max(net.values(), default=0)
    if most <= 0:
        return ()
    tied = [stack for stack, growth in net.items() if growth == most]
    return max(tied, key=lambda stack: len(near.intersection(stack)))
