"""Does a suspect grow again when a test is run again, and is it a leak? Asked in a child.

A few runs tell whether anything is added at all; what is added time and again is judged as any
marked test is.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from pytest_leakguard.model import Result
from pytest_leakguard.monitor.suspects import Again, Suspect, adds_again
from pytest_leakguard.runner import BrokenRunError, Subject

Check = Callable[[Subject, Mapping[str, object]], Result]
#: What is said after a suspect's gains: growth ends, or goes on, or is that of a finding, counted
#: from here.
_ENDS, _GOES_ON, _FINDING = -1, 0, 1


def run_again(
    subject: Subject,
    suspects: Sequence[Suspect],
    check: Check,
    *,
    runs: int,
    look: Callable[[], object] = lambda: None,
) -> Result:
    """Run a test again, count what each run adds, and have it judged if it adds time and again.

    Args:
        subject: Runs the test; its first run is done.
        suspects: What it may add to.
        check: Judges the test; is told what leads to something that has no name yet.
        runs: How often it is run again before that; at least 2.
        look: Called before anything is judged: finds out what is known of the suspects.

    Returns:
        What the check has found, with what :func:`heard` reads for each suspect.
    """
    try:
        gains = _gains(subject, suspects, runs)
    except BrokenRunError as broken:
        return Result(verdict="inconclusive", reason=str(broken))
    adding = [number for number, known in enumerate(gains) if adds_again(known)]
    if adding:
        look()
    # To fill what has a bound would take long, and tell nothing new.
    bounds = [suspects[number].bound() for number in adding]
    adding = [number for number, bound in zip(adding, bounds, strict=True) if not bound]
    reason = "; ".join(dict.fromkeys(filter(None, bounds)))
    result = check(subject, {}) if adding else Result(verdict="bounded", reason=reason)
    codes = [_ENDS] * len(suspects)
    for number in adding if result.verdict == "leak" else ():
        suspect = suspects[number]
        if (finding := suspect.finding(result)) is not None:
            codes[number] = _FINDING + result.findings.index(finding)
        elif suspect.is_accused(result) or _leaks_by_itself(subject, suspect, check):
            codes[number] = _GOES_ON
    series = {
        str(number): (*known, code)
        for number, (known, code) in enumerate(zip(gains, codes, strict=True))
    }
    return replace(result, series=series)


def heard(result: Result, number: int) -> Again:
    """Return what a suspect's part is in what came of a retrial.

    Args:
        result: As :func:`run_again` returns it, or why the child did not say.
        number: Which of the suspects.
    """
    series = result.series.get(str(number))
    if series is None:
        return Again(reason=result.reason)
    *gains, code = series
    finding = result.findings[code - _FINDING] if code >= _FINDING else None
    goes_on = code != _ENDS
    reason = "" if goes_on else result.reason or "what its tests add when run again comes to an end"
    return Again(gains=tuple(gains), goes_on=goes_on, reason=reason, finding=finding)


def _gains(subject: Subject, suspects: Sequence[Suspect], runs: int) -> list[list[int]]:
    gc.freeze()  # so that collecting takes no time to speak of; this process is about to end
    amounts = [[suspect.amount()] for suspect in suspects]
    for _ in range(runs):
        subject.run()
        gc.collect()
        for known, suspect in zip(amounts, suspects, strict=True):
            known.append(suspect.amount())
    gc.unfreeze()
    return [[later - earlier for earlier, later in pairwise(known)] for known in amounts]


def _leaks_by_itself(subject: Subject, suspect: Suspect, check: Check) -> bool:
    """Have one judged that a leak does not name: what leaks may be something else."""
    roots = suspect.roots()
    return bool(roots) and suspect.is_accused(check(subject, roots))
