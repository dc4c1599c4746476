"""Which growth has no Python object behind it, and what is known of it?"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_leakguard.counters import descriptors
from pytest_leakguard.diagnosis.fingerprint import fingerprint
from pytest_leakguard.diagnosis.patterns import NATIVE, POLLER, STREAM, Pattern
from pytest_leakguard.model import Finding

_HOLDER = "this process"
#: Descriptors that are named as examples, the newest ones.
_MAX_DESCRIPTORS = 3
#: Counters of what may grow without a Python object, and what a finding calls it.
_UNSEEN = {
    "threads": "thread",
    "native_bytes": "native memory",
    "mapped_bytes": "mapped memory",
}


def descriptor_finding(
    growth: Mapping[str, float | None], opened: Mapping[int, str]
) -> Finding | None:
    """Report descriptors that stay open; ``None`` if their number does not grow.

    Args:
        growth: Growth per run by counter, as confirmed.
        opened: The descriptors that were open before the runs, with what they refer to.
    """
    if not (per_run := growth.get("fds")):
        return None
    new = sorted(set(descriptors.describe_open().items()) - set(opened.items()))
    shown = ", ".join(f"fd {number} -> {target}" for number, target in new[-_MAX_DESCRIPTORS:])
    return _resource(
        "file descriptor",
        note=f"open now: {shown}" if shown else "",
        pattern=STREAM,
        objects_per_run=per_run,
    )


def unseen_findings(growth: Mapping[str, float | None], note: str) -> list[Finding]:
    """Report growth of threads and of native memory for which nothing else was found.

    Args:
        growth: Growth per run by counter, as confirmed.
        note: How it was looked for, in words.
    """
    return [
        _resource(
            kind,
            note=note,
            pattern=POLLER if counter == "threads" else NATIVE,
            objects_per_run=per_run if counter == "threads" else 0,
            bytes_per_run=0 if counter == "threads" else per_run,
        )
        for counter, kind in _UNSEEN.items()
        if (per_run := growth.get(counter))
    ]


def _resource(
    kind: str, *, note: str, pattern: Pattern, objects_per_run: float, bytes_per_run: float = 0
) -> Finding:
    return Finding(
        type=kind,
        objects_per_run=objects_per_run,
        bytes_per_run=bytes_per_run,
        holder=_HOLDER,
        note=note,
        pattern=pattern.name,
        meaning=pattern.meaning,
        advice=pattern.advice,
        fingerprint=fingerprint(_HOLDER, kind, ()),
    )
