"""What has every run left open, where was it opened, and who keeps it?

Descriptors, threads, child processes and temporary files are told one by one; of native memory it
is known how much is taken, and by which line.
"""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from pytest_leakguard import counters
from pytest_leakguard.counters import children, descriptors, temp_files, threads
from pytest_leakguard.diagnosis.clues import is_of, loaded
from pytest_leakguard.diagnosis.fingerprint import fingerprint
from pytest_leakguard.diagnosis.kinds import DESCRIPTORS
from pytest_leakguard.diagnosis.patterns import (
    CHILD,
    ENVIRONMENT,
    ERROR_PATH,
    NATIVE,
    POLLER,
    STREAM,
    TEMPORARY,
    Pattern,
)
from pytest_leakguard.diagnosis.releases import skips_release
from pytest_leakguard.diagnosis.watch import Opening, Watchable, Watched
from pytest_leakguard.identity import identity_of
from pytest_leakguard.model import PROCESS, Finding, Frame, Share

#: Code that puts a variable into the environment, and not one that only reads there.
_SETS_VARIABLE = re.compile(
    r"\b(putenv|setenv)\(|\benvironb?(\.(update|setdefault)\(|\[[^]]*\]\s*=(?!=)|\s*\|=)"
)
#: Resources that are named as examples, the newest ones.
_MAX_NAMED = 3


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of resource.

    Attributes:
        noun: What one is called.
        pattern: The kind of leak that it makes.
        members: Lists those that there are, by identity, each with what it is called.
        changes: Moves when one comes or goes.
        owned: The identities of those that a Python object stands for.
    """

    noun: str
    pattern: Pattern
    members: Callable[[], Mapping[Any, str]]
    changes: Callable[[], int]
    owned: Callable[[Any], Iterable[Hashable]]


def _owned_descriptors(obj: Any) -> Iterable[Hashable]:
    if is_of(obj, (io.FileIO, *loaded(DESCRIPTORS))):
        try:
            yield obj.fileno()
        except (OSError, ValueError):  # closed
            return


def _owned_threads(obj: Any) -> Iterable[Hashable]:
    if is_of(obj, threading.Thread):
        yield identity_of(obj)


def _owned_children(obj: Any) -> Iterable[Hashable]:
    if is_of(obj, (subprocess.Popen, *loaded(("multiprocessing.popen_fork:Popen",)))):
        yield obj.pid


def _owned_files(obj: Any) -> Iterable[Hashable]:
    if is_of(obj, (tempfile.TemporaryDirectory, *loaded(("tempfile:_TemporaryFileWrapper",)))):
        yield obj.name


_KINDS = {
    "fds": _Kind(
        noun="file descriptor",
        pattern=STREAM,
        members=descriptors.describe_open,
        changes=descriptors.Descriptors().read,
        owned=_owned_descriptors,
    ),
    "threads": _Kind(
        noun="thread",
        pattern=POLLER,
        members=threads.describe_alive,
        changes=threads.Threads().read,
        owned=_owned_threads,
    ),
    "children": _Kind(
        noun="child process",
        pattern=CHILD,
        members=children.describe_children,
        changes=children.Children().read,
        owned=_owned_children,
    ),
    "temp_files": _Kind(
        noun="temporary file",
        pattern=TEMPORARY,
        members=temp_files.describe_made,
        changes=temp_files.noted_bytes,
        owned=_owned_files,
    ),
}
#: Counters of memory that may grow without a Python object, and what a finding calls it.
_MEMORY = {"native_bytes": "native memory", "mapped_bytes": "mapped memory"}


class Resources:
    """The kinds of resource that grow with every run.

    Args:
        growth: Growth per run by counter, as confirmed.
    """

    def __init__(self, growth: Mapping[str, float | None]) -> None:
        self._growth = growth
        self._kinds = {name: kind for name, kind in _KINDS.items() if growth.get(name)}
        self._before = {name: kind.members() for name, kind in self._kinds.items()}

    def __bool__(self) -> bool:
        return bool(self._kinds)

    @property
    def are_all(self) -> bool:
        """Whether nothing else grows."""
        return {name for name, per_run in self._growth.items() if per_run} == self._kinds.keys()

    def watchable(self) -> dict[str, Watchable]:
        """Return the kinds that a run should be watched for."""
        return {name: Watchable(kind.changes, kind.members) for name, kind in self._kinds.items()}

    def attach(
        self, findings: Sequence[Finding], retained: Sequence[Iterable[object]], runs: int
    ) -> tuple[list[Finding], set[str]]:
        """Add what the objects that holders retain keep open to the findings of these holders.

        Args:
            findings: What holders retain.
            retained: For each of them, all new objects that it retains.
            runs: Runs since this was made.

        Returns:
            The findings, and the kinds of which they explain all that there is.
        """
        attached = list(findings)
        explained = set()
        for name, kind in self._kinds.items():
            new = kind.members().keys() - self._before[name].keys()
            total = 0
            for index, objects in enumerate(retained):
                owned = {key for obj in objects for key in kind.owned(obj)} & new
                total += len(owned)
                if owned and kind.noun != "thread":  # a thread is an object of its own
                    share = Share(
                        type=kind.noun, objects_per_run=round(len(owned) / runs, 2), bytes_per_run=0
                    )
                    finding = attached[index]
                    attached[index] = replace(finding, held=(*finding.held, share))
            if new and total >= len(new):
                explained.add(name)
        return attached, explained

    def findings(self, watched: Watched, explained: Iterable[str]) -> list[Finding]:
        """Tell of each kind what the watched run has left open, and where it was opened.

        Args:
            watched: What the run was seen to do.
            explained: Kinds for which a holder has been named.
        """
        found = []
        for name in self._kinds.keys() - set(explained):
            kind, per_run = self._kinds[name], self._growth[name] or 0
            groups: dict[tuple[Frame, ...], list[Opening]] = {}
            for opening in watched.opened.get(name, ()):
                groups.setdefault(opening.frames, []).append(opening)
            if not groups:
                texts = [
                    text for key, text in kind.members().items() if key not in self._before[name]
                ]
                found.append(_finding(kind, per_run, texts, ()))
            elif len(groups) == 1:
                ((frames, openings),) = groups.items()
                found.append(_finding(kind, per_run, [one.text for one in openings], frames))
            else:
                found += [
                    _finding(kind, len(openings), [one.text for one in openings], frames)
                    for frames, openings in groups.items()
                ]
        return found


def with_resources(findings: Sequence[Finding], opened: Sequence[Finding]) -> list[Finding]:
    """Put findings and those of resources together: what one line makes has one cause.

    Args:
        findings: What holders retain.
        opened: What runs leave open.
    """
    together = list(findings)
    for resource in opened:
        line = resource.allocated[:1]
        # What has a bound drops what it has, and does not close it for that.
        same = [
            index
            for index, one in enumerate(findings)
            if line and one.allocated[:1] == line and not one.bound
        ]
        if not same:
            together.append(resource)
            continue
        share = Share(type=resource.type, objects_per_run=resource.objects_per_run, bytes_per_run=0)
        one = together[same[0]]
        together[same[0]] = replace(one, held=(*one.held, share))
    return together


def _finding(
    kind: _Kind, per_run: float, texts: Sequence[str], frames: tuple[Frame, ...]
) -> Finding:
    shown = ", ".join(texts[-_MAX_NAMED:])
    pattern = kind.pattern
    if pattern is STREAM and skips_release(frames):
        pattern = ERROR_PATH
    return Finding(
        type=kind.noun,
        objects_per_run=per_run,
        bytes_per_run=0,
        holder=PROCESS,
        allocated=frames,
        note=f"there now: {shown}" if shown else "",
        pattern=pattern.name,
        meaning=pattern.meaning,
        advice=pattern.advice,
        fingerprint=fingerprint(PROCESS, kind.noun, frames),
    )


def memory_amounts(
    growth: Mapping[str, float | None],
) -> dict[str, tuple[Callable[[], int], float]]:
    """Return how the kinds of native memory that grow are read, and by how much they grow."""
    readers = {counter.name: counter.read for counter in counters.available(tuple(_MEMORY))}
    return {
        name: (read, per_run) for name, read in readers.items() if (per_run := growth.get(name))
    }


def memory_findings(
    growth: Mapping[str, float | None], watched: Watched, note: str
) -> list[Finding]:
    """Report growth of native memory for which nothing else was found.

    Args:
        growth: Growth per run by counter, as confirmed.
        watched: What one run was seen to do.
        note: How a holder was looked for, in words.
    """
    found: list[Finding] = []
    for counter, kind in _MEMORY.items():
        if not (per_run := growth.get(counter)):
            continue
        frames = watched.taken.get(counter, ())
        pattern = NATIVE
        if any(_SETS_VARIABLE.search(frame.source) for frame in frames):
            pattern = ENVIRONMENT
        found.append(
            Finding(
                type=kind,
                objects_per_run=0,
                bytes_per_run=per_run,
                holder=PROCESS,
                allocated=frames,
                note=note,
                pattern=pattern.name,
                meaning=pattern.meaning,
                advice=pattern.advice,
                fingerprint=fingerprint(PROCESS, kind, frames),
            )
        )
    return found
