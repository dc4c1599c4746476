"""What does the plugin say of a release? Its test, run under both modes; and does it truly grow?"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, TypedDict

from .pairs import HERE, Pair, Release, prepare, releases

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIME_LIMIT_SECONDS = 300
MODES = {"whole suite": ("--leak-check",), "marked": ("--marked",)}
# What would make two runs differ for reasons outside of the release.
OUTSIDE = re.compile(r"(PYTEST|PYTHON|COVERAGE|GLIBC|MALLOC).*|.*_PROXY", re.IGNORECASE)
# Growth per run below which a counter is flat. A leak leaves one thing or more behind on every run;
# what comes with the time, such as a header's date, leaves less. malloc's least is 24 bytes.
FLAT = {"gc objects": 0.5, "blocks": 0.5, "heap bytes": 16, "resident bytes": 1024}


class Judged(TypedDict):
    """What the plugin said of a test in one mode."""

    exit_code: int | None  # pytest's own; None when the time limit ended it
    verdict: str
    reason: str
    executions: int
    growth: dict[str, float]  # per run, of the counters that grew
    named: list[str]  # holder, type and pattern of each finding
    seconds: float  # beyond the ordinary run


class Result(TypedDict):
    """Everything the tables need to know of one pair."""

    pair: Pair
    judged: dict[str, dict[str, Judged]]  # by release, then by mode


def measure(pair: Pair, work: Path, plugin: Path) -> Result:
    """Run the test of a pair in both of its releases and both modes."""
    judged: dict[str, dict[str, Judged]] = {}
    for which, release in releases(pair).items():
        python = prepare(release, work, plugin)
        judged[which] = {
            mode: _judge(pair, release, python, work / f"{pair['name']}-{which}-{mode[0]}", options)
            for mode, options in MODES.items()
        }
    return Result(pair=pair, judged=judged)


def _judge(
    pair: Pair, release: Release, python: Path, files: Path, options: tuple[str, ...]
) -> Judged:
    report, log = files.with_suffix(".json"), files.with_suffix(".log")
    report.unlink(missing_ok=True)
    tests = HERE / "tests"
    command = [str(python), "-m", "pytest", "-c", str(tests / "pytest.ini"), "-p"]
    command += ["no:cacheprovider", *options, f"--leak-report=json:{report}"]
    exit_code = None
    try:
        finished = subprocess.run(
            [*command, *pair["settings"], str(tests / pair["test"])],
            cwd=tests,
            env=variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
        exit_code = finished.returncode
        log.write_bytes(finished.stdout + finished.stderr)
    except subprocess.TimeoutExpired as late:
        log.write_bytes((late.stdout or b"") + (late.stderr or b""))
    tested = json.loads(report.read_text(encoding="utf-8"))["tests"] if report.exists() else []
    if not tested:
        return Judged(
            exit_code=exit_code, verdict="no report", reason="", executions=0,
            growth={}, named=[], seconds=0.0,
        )  # fmt: skip
    (test,) = tested
    return Judged(
        exit_code=exit_code,
        verdict=test["verdict"],
        reason=test["reason"],
        executions=test["executions"],
        growth={name: grew for name, grew in test["growth"].items() if grew},
        named=[_named(finding) for finding in test["findings"]],
        seconds=test["seconds"],
    )


def _named(finding: Mapping[str, str | float | None]) -> str:
    parts = [finding["holder"], finding["type"], finding["pattern"]]
    return ": ".join(str(part) for part in parts if part)


def verify(pair: Pair, work: Path, plugin: Path) -> tuple[bool, list[str]]:
    """Tell whether the leaking release grows and the fixed one does not, and what was measured."""
    grew: dict[str, bool] = {}
    lines: list[str] = []
    for which, release in releases(pair).items():
        python = prepare(release, work, plugin)
        finished = subprocess.run(
            [str(python), str(HERE / "grow.py"), str(HERE / "tests" / pair["test"]),
             str(pair["runs"])],
            cwd=work, env=variables(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if finished.returncode != 0:
            last = (finished.stderr.strip().splitlines() or [""])[-1]
            return False, [*lines, f"{which}: exit code {finished.returncode}: {last}"]
        measured = json.loads(finished.stdout)
        first, second = measured["halves"]
        # A leak grows in both halves; filling caches and arenas grows in the first.
        steady = {
            name: grown
            for name, grown in second.items()
            if min(grown, first[name]) > FLAT.get(name, 0.5)
        }
        grew[which] = bool(steady)
        shown = ", ".join(f"{name} +{grown:g}" for name, grown in steady.items()) or "flat"
        lines.append(f"{which} {release.version}: {shown} per run, {measured['runs']:,} runs")
    return grew == {"leaking": True, "fixed": False}, lines


def variables() -> dict[str, str]:
    """Return an environment that makes runs alike."""
    kept = {key: value for key, value in os.environ.items() if not OUTSIDE.fullmatch(key)}
    return kept | {"PYTHONHASHSEED": "0", "TZ": "UTC"}
