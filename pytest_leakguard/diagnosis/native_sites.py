"""Which native code takes the memory that a finding only counts?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from pytest_leakguard.diagnosis import native_trace
from pytest_leakguard.diagnosis.native_trace import Place
from pytest_leakguard.diagnosis.patterns import NATIVE
from pytest_leakguard.diagnosis.recording import UntraceableError
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.model import NOWHERE, Finding
from pytest_leakguard.runner import Trial
from pytest_leakguard.units import format_size

#: A place that takes less than this share of a finding's bytes is not its cause.
_LEAST_SHARE = 0.1
#: From this share on, a place is all of the cause: the allocator adds to what it is asked for, and
#: hands out whole pages.
_WHOLE_SHARE = 0.75


class _Trace(Protocol):
    def __call__(self, trial: Trial, *, python_objects: bool) -> Sequence[Place]: ...


def add_native_sites(
    findings: Sequence[Finding],
    trial: Trial,
    sources: Sources,
    trace: _Trace = native_trace.trace,
) -> list[Finding]:
    """Add the native code to the findings that no Python object explains, if there are any.

    Args:
        findings: What was found.
        trial: The convicted test's runs.
        sources: Names the lines.
        trace: Tells what each run leaves once more.
    """
    counted = [finding for finding in findings if has_no_holder(finding)]
    if not counted:
        return list(findings)
    try:
        places = trace(trial, python_objects=any(map(_is_of_objects, counted)))
    except UntraceableError as error:
        return [
            _noted(finding, f"native code not looked for: {error}")
            if finding in counted
            else finding
            for finding in findings
        ]
    return [
        _with_site(finding, places, sources) if finding in counted else finding
        for finding in findings
    ]


def has_no_holder(finding: Finding) -> bool:
    """Tell whether no Python object explains a finding."""
    return finding.pattern == NATIVE.name or finding.holder == NOWHERE


def _is_of_objects(finding: Finding) -> bool:
    return finding.objects_per_run > 0


def _with_site(finding: Finding, places: Sequence[Place], sources: Sources) -> Finding:
    if (place := _choose(finding, places)) is None:
        return _noted(finding, "memray saw nothing of it being allocated")
    found = replace(
        finding,
        native=place.site.native,
        allocated=finding.allocated or sources.frames(place.site.lines),
    )
    if not place.site.native:
        return _noted(found, "allocated by the interpreter itself, for Python code")
    if not _is_of_objects(finding) and place.bytes_per_run < finding.bytes_per_run * _WHOLE_SHARE:
        sizes = map(format_size, (round(place.bytes_per_run), finding.bytes_per_run))
        return _noted(found, "native code for {} of {} per run".format(*sizes))
    return found


def _choose(finding: Finding, places: Sequence[Place]) -> Place | None:
    """Return the place that fits best: one reached from the known line before any other."""
    line = (finding.allocated[0].file, finding.allocated[0].line) if finding.allocated else None
    if _is_of_objects(finding):
        fitting = [place for place in places if line in place.site.lines or line is None]
        expected, amounts = finding.objects_per_run, [place.number_per_run for place in fitting]
    else:
        least = finding.bytes_per_run * _LEAST_SHARE
        fitting = [place for place in places if place.bytes_per_run >= least]
        expected, amounts = finding.bytes_per_run, [place.bytes_per_run for place in fitting]
    ranks = [
        (line not in place.site.lines, abs(amount - expected), -place.bytes_per_run)
        for place, amount in zip(fitting, amounts, strict=True)
    ]
    return fitting[ranks.index(min(ranks))] if ranks else None


def _noted(finding: Finding, text: str) -> Finding:
    return replace(finding, note="; ".join(filter(None, (finding.note, text))))
