"""What was found in real suites? Read from where `benchmarks.real_suites` has kept it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypedDict

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest depends on it where the standard library has none


INSPECTED = Path(__file__).with_name("inspected.toml")


class RealSuite(TypedDict):
    """The verdicts on one real suite."""

    requirement: str
    judged: int
    accused: int
    true: int  # of the accused: inspected, and found to leave something behind on each run
    false: int  # of the accused: inspected, and found sound
    inconclusive: int
    executions: dict[str, list[int]]  # by verdict


def read_suites(work: Path) -> list[RealSuite]:
    """Read the results of every suite that was run; none when it has not been."""
    inspected = tomllib.loads(INSPECTED.read_text(encoding="utf-8"))["inspected"]
    suites = []
    for path in sorted(work.glob("*/result.json")):
        suite = json.loads(path.read_text(encoding="utf-8"))["suite"]
        report = json.loads(path.with_name("leaks.json").read_text(encoding="utf-8"))
        suites.append(read_suite(suite, report["tests"], inspected))
    return suites


def read_suite(
    suite: Mapping[str, Any],
    tests: Sequence[Mapping[str, Any]],
    inspected: Sequence[Mapping[str, Any]],
) -> RealSuite:
    """Count what a suite's report says, and what inspecting it said of that.

    An accusation is true if one of its findings was found true.
    """
    executions: dict[str, list[int]] = {}
    true = false = 0
    for test in tests:
        if test["verdict"] != "unchecked":
            executions.setdefault(test["verdict"], []).append(test["executions"])
        if test["verdict"] == "leak":
            found = [
                one["true"]
                for one in inspected
                for finding in test["findings"]
                if fnmatchcase(suite["name"], one["suite"])
                and fnmatchcase(finding["holder"], one["holder"])
            ]
            true += any(found)
            false += bool(found) and not any(found)
    return RealSuite(
        requirement=suite["requirement"],
        judged=sum(map(len, executions.values())),
        accused=len(executions.get("leak", ())),
        true=true,
        false=false,
        inconclusive=len(executions.get("inconclusive", ())),
        executions=executions,
    )
