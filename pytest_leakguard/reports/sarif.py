"""The report for code scanning: SARIF 2.1.0, the OASIS standard for results of static analysis.

Each pattern is a rule, each cause a result at the line that allocates, with the allocation's
traceback as its stack. Known leaks are results that are suppressed, with their reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pytest_leakguard.model import Frame, Status
from pytest_leakguard.reports.causes import Cause, causes_of
from pytest_leakguard.reports.facts import SessionFacts
from pytest_leakguard.reports.json import relative

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "SRCROOT"
#: How a result stands to the last accepted state.
_BASELINE_STATES: dict[Status, str] = {
    "new": "new",
    "worse": "updated",
    "expired": "unchanged",
    "known": "unchanged",
}


def render_sarif(facts: SessionFacts, root: Path) -> str:
    """Write the causes of a session's leaks as one run."""
    causes = causes_of(facts, root)
    rules = {cause.pattern: _rule(cause) for cause in reversed(causes)}
    numbers = {pattern: number for number, pattern in enumerate(rules)}
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pytest-leakguard",
                        "semanticVersion": version("pytest-leakguard"),
                        "rules": [*rules.values()],
                    }
                },
                "invocations": [{"executionSuccessful": not facts.self_check.prevents}],
                "originalUriBaseIds": {_ROOT: {"uri": f"{root.as_uri()}/"}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(cause, numbers[cause.pattern], root) for cause in causes],
            }
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _identity(pattern: str) -> str:
    return f"leak/{pattern.replace(' ', '-')}"


def _rule(cause: Cause) -> dict[str, Any]:
    meaning = cause.finding.meaning if cause.finding is not None else ""
    rule: dict[str, Any] = {
        "id": _identity(cause.pattern),
        "shortDescription": {"text": f"{cause.pattern}{f': {meaning}' if meaning else ''}"},
        "defaultConfiguration": {"level": "error"},
    }
    if cause.finding is not None and cause.finding.advice:
        rule["help"] = {"text": cause.finding.advice}
    return rule


def _result(cause: Cause, rule: int, root: Path) -> dict[str, Any]:
    tests = "".join(f"\n- {nodeid}" for nodeid in cause.tests)
    result: dict[str, Any] = {
        "ruleId": _identity(cause.pattern),
        "ruleIndex": rule,
        "level": "error" if cause.fails else "note",
        "message": {"text": f"{cause.sentence}; seen in{tests}"},
        "locations": [{"physicalLocation": _place(cause.file, cause.line)}],
        "partialFingerprints": {"leakguard/v1": cause.fingerprint},
        "baselineState": _BASELINE_STATES[cause.status],
        "suppressions": [],
        "properties": {"tests": [*cause.tests], "status": cause.status},
    }
    if not cause.fails:
        suppression = {"kind": "external", "status": "accepted"}
        result["suppressions"] = [{**suppression, "justification": cause.status_reason}]
    if (finding := cause.finding) is not None:
        if frames := _frames(finding.allocated, root):
            result["stacks"] = [{"message": {"text": "allocated"}, "frames": frames}]
        if grown := _frames(finding.grown[:1], root):
            related = {**grown[0]["location"], "message": {"text": "the holder grows here"}}
            result["relatedLocations"] = [related]
        result["properties"] |= {
            "holder": finding.holder,
            "objectsPerRun": finding.objects_per_run,
            "bytesPerRun": finding.bytes_per_run,
        }
    return result


def _frames(frames: Iterable[Frame], root: Path) -> list[dict[str, Any]]:
    return [
        {
            "location": {
                "physicalLocation": _place(relative(frame.file, root), frame.line, frame.source),
                "logicalLocations": [{"fullyQualifiedName": frame.function, "kind": "function"}],
            }
        }
        for frame in frames
        if not frame.file.startswith("<")
    ]


def _place(file: str, line: int, source: str = "") -> dict[str, Any]:
    path = Path(file)
    artifact = {"uri": path.as_uri()} if path.is_absolute() else {"uri": quote(file)}
    if not path.is_absolute():
        artifact["uriBaseId"] = _ROOT
    region: dict[str, Any] = {"startLine": max(line, 1)}
    if source:
        region["snippet"] = {"text": source}
    return {"artifactLocation": artifact, "region": region}
