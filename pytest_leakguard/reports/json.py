"""The report for machines. Its shape is documented by ``schema.json`` beside this module."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from pytest_leakguard.evidence import Profile, Soak
from pytest_leakguard.model import Finding, Frame
from pytest_leakguard.reports.facts import SessionFacts, TestOutcome

SCHEMA_VERSION = 1


def render_json(facts: SessionFacts, root: Path) -> str:
    """Write a session as JSON.

    Args:
        facts: The session.
        root: Directory that file names are given relative to.
    """
    document = {
        "schema": SCHEMA_VERSION,
        "session": {
            "mode": facts.mode,
            "python": facts.python,
            "pytest": facts.pytest,
            "platform": facts.platform,
            "counters": list(facts.counters),
            "self_check": facts.self_check.reason or "flat",
            "executions": facts.executions,
            "extra_seconds": round(facts.extra_seconds, 3),
        },
        "comparison": None if facts.comparison is None else asdict(facts.comparison),
        "monitor": [monitored.to_plain() for monitored in facts.monitored],
        "memory": None if facts.memory is None else facts.memory.to_plain(),
        "tests": [_test(outcome, root) for outcome in facts.tests],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _test(outcome: TestOutcome, root: Path) -> dict[str, object]:
    result = outcome.result
    return {
        "nodeid": outcome.nodeid,
        "verdict": result.verdict,
        "reason": result.reason,
        "executions": result.executions,
        "seconds": round(result.seconds, 3),
        "growth": dict(result.growth),
        "series": {name: list(samples) for name, samples in result.series.items()},
        "batches": list(result.batches),
        "findings": [_finding(finding, root) for finding in result.findings],
        "timeline": [
            {
                "run": number,
                "kept_bytes": run.kept_bytes,
                "peak_bytes": run.peak_bytes,
                "alive_objects": run.alive_objects,
            }
            for number, run in enumerate(result.timeline, start=1)
        ],
        "ignored": [
            {"pattern": one.pattern, "reason": one.reason, "findings": one.findings}
            for one in result.ignored
        ],
        "not_isolated": result.not_isolated,
        "only_after": result.only_after,
        "snapshots": [relative(file, root) for file in result.snapshots],
        "no_snapshots": result.no_snapshots,
        "memory": None if result.memory is None else result.memory.to_plain(),
        "profile": None if result.profile is None else _profile(result.profile, root),
        "soak": None if result.soak is None else _soak(result.soak),
    }


def _profile(profile: Profile, root: Path) -> dict[str, object]:
    return {
        "tool": profile.tool,
        "runs": profile.runs,
        "seconds": round(profile.seconds, 3),
        "files": [
            {"kind": kind, "file": relative(file, root)} for kind, file in profile.files.items()
        ],
        "command": profile.command,
        "problem": profile.problem,
    }


def _soak(soak: Soak) -> dict[str, object]:
    return {
        "duration": soak.duration,
        "seconds": round(soak.seconds, 3),
        "runs": soak.runs,
        "workers": soak.workers,
        "ended": soak.ended,
        "trends": {name: asdict(trend) for name, trend in soak.trends.items()},
    }


def _finding(finding: Finding, root: Path) -> dict[str, object]:
    return {
        "type": finding.type,
        "objects_per_run": finding.objects_per_run,
        "bytes_per_run": finding.bytes_per_run,
        "holder": finding.holder,
        "path": [{"via": step.via, "type": step.type} for step in finding.path],
        "allocated": _frames(finding.allocated, root),
        "native": [
            {
                "function": frame.function,
                "file": relative(frame.file, root) if frame.file else "",
                "line": frame.line,
                "library": relative(frame.library, root) if frame.library else "",
            }
            for frame in finding.native
        ],
        "grown": _frames(finding.grown, root),
        "held": [
            {
                "type": share.type,
                "objects_per_run": share.objects_per_run,
                "bytes_per_run": share.bytes_per_run,
            }
            for share in finding.held
        ],
        "note": finding.note,
        "capacity": finding.bound.text,
        "pattern": finding.pattern,
        "meaning": finding.meaning,
        "advice": finding.advice,
        "page": finding.page,
        "fingerprint": finding.fingerprint,
        "status": finding.status,
        "status_reason": finding.status_reason,
    }


def _frames(frames: Iterable[Frame], root: Path) -> list[dict[str, object]]:
    return [
        {
            "file": relative(frame.file, root),
            "line": frame.line,
            "function": frame.function,
            "source": frame.source,
            "fixture": frame.fixture,
        }
        for frame in frames
    ]


def relative(file: str, root: Path) -> str:
    """Shorten a path to the root directory, where it lies below it."""
    try:
        return Path(file).relative_to(root).as_posix()
    except ValueError:
        return os.path.normpath(file) if not file.startswith("<") else file
