"""Which container gains items that are no new objects, who holds it, and which line adds them?"""

from __future__ import annotations

import io
import struct
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_leakguard.clock import now, wait
from pytest_leakguard.counters.containers import sized
from pytest_leakguard.diagnosis import naming, paths
from pytest_leakguard.diagnosis.bounds import find_bound
from pytest_leakguard.diagnosis.clues import Clue
from pytest_leakguard.diagnosis.fingerprint import fingerprint
from pytest_leakguard.diagnosis.patterns import recognise
from pytest_leakguard.diagnosis.roots import Root
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.diagnosis.walk import Reached
from pytest_leakguard.diagnosis.watch import watch
from pytest_leakguard.forkable import other_threads
from pytest_leakguard.identity import identity_of
from pytest_leakguard.model import Finding, Frame, Step
from pytest_leakguard.persistence import is_background
from pytest_leakguard.runner import Trial

#: Containers that are watched for a run.
_MAX_WATCHED = 8
#: A reference, in bytes.
_POINTER_BYTES = struct.calcsize("P")


def container_findings(
    grown: Sequence[tuple[object, int]],
    reached: Reached,
    named: Sequence[Root],
    trial: Trial,
    sources: Sources,
) -> tuple[list[Finding], tuple[str, ...]]:
    """Tell which of the containers that have grown grows on in one of the next runs.

    Beside them, it names those that also grow while the test does not run.

    Args:
        grown: Containers and the items that they have gained, those that gained most first.
        reached: The way to each of them.
        named: The roots that the ways begin at.
        trial: What is run, as often at most as the rarest leak that is looked for needs.
        sources: Names the lines.
    """
    watched = [container for container, _ in grown[:_MAX_WATCHED]]
    before = [_length(container) for container in watched]
    begun = now()
    for done in range(1, trial.settings.runs + 1):
        lines = watch(trial.run, sources, containers=watched).grown
        seconds = now() - begun
        found = [
            (container, _length(container) - length, frames, entry)
            for container, length, frames in zip(watched, before, lines, strict=True)
            if _length(container) > length and (entry := reached.entry_of(container)) is not None
        ]
        if not found:
            continue
        background = _growing_idle(
            {identity_of(one): (one, gained) for one, gained, _, _ in found}, seconds
        )
        findings, others = [], []
        for container, gained, frames, entry in found:
            root = named[entry.root]
            if identity_of(container) in background:
                others.append(paths.retention_path(root, entry.chain)[0])
            else:
                findings.append(_finding(container, gained / done, root, entry.chain, frames))
        return findings, tuple(others)
    return [], ()


def _growing_idle(gained: Mapping[int, tuple[object, int]], seconds: float) -> set[int]:
    """Return the identities of those containers that grow while the test does not run.

    Args:
        gained: Containers by their identity, with the items that runs have added.
        seconds: How long that took.
    """
    if not other_threads():
        return set()
    before = {key: _length(container) for key, (container, _) in gained.items()}
    wait(seconds)
    return {
        key
        for key, (container, expected) in gained.items()
        if is_background(_length(container) - before[key], expected)
    }


def _finding(
    container: object,
    per_run: float,
    root: Root,
    chain: Sequence[object],
    frames: tuple[Frame, ...],
) -> Finding:
    item = _newest(container)
    kind = naming.type_name(item)
    holder, steps = paths.retention_path(root, chain)
    finding = Finding(
        type=kind,
        objects_per_run=per_run,
        bytes_per_run=per_run * _item_bytes(container),
        holder=holder,
        path=(*steps, Step(via="[*]", type=kind)),
        allocated=frames,
        grown=frames,
        note=f"{_length(container)} items; the new ones are no new objects",
        bound=find_bound(frames, chain),
        fingerprint=fingerprint(holder, kind, frames),
    )
    pattern = recognise(
        Clue(
            finding=finding,
            root=root.name,
            chain=chain,
            example=item,
            kid=item,
            replaced=False,
            retained=(),
        )
    )
    if pattern is None:
        return finding
    return finding.with_pattern(pattern.name, pattern.meaning, pattern.advice)


def _length(container: object) -> int:
    length = sized(container)
    return 0 if length is None else length(container)


def _newest(container: Any) -> object:
    """Return the item that was added last, without asking user code."""
    if issubclass(type(container), dict):
        return next(iter(reversed([*dict.values(container)])), None)
    if issubclass(type(container), set):
        return next(set.__iter__(container), None)
    if issubclass(type(container), io.StringIO):
        return ""
    if issubclass(type(container), io.BytesIO):
        return b""
    for kind in (list, deque, bytearray, array):
        if issubclass(type(container), kind):
            return kind.__getitem__(container, -1)
    return None


def _item_bytes(container: object) -> int:
    """Return what one more item takes in the container itself, in bytes; 0 where that varies."""
    if issubclass(type(container), (bytearray, io.BytesIO)):
        return 1
    if isinstance(container, array):
        return container.itemsize
    return _POINTER_BYTES if issubclass(type(container), (list, deque)) else 0
