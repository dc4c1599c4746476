"""How is the corpus judged? In processes of their own, by the plugin and by the simple rules."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypedDict

from tests.specimens import score

from .corpus import Specimen
from .rules import FIGURES

ROOT = Path(__file__).resolve().parents[2]
LABELLED = ROOT / "tests" / "specimens"
TIME_LIMIT_SECONDS = 900
# What would make two runs differ for reasons outside of the corpus.
OUTSIDE = re.compile(r"(PYTEST|PYTHON|COVERAGE|GLIBC|MALLOC).*", re.IGNORECASE)


class Said(TypedDict):
    """What the plugin said of a test."""

    verdict: str  # "no report" when the process ended without one
    reason: str
    executions: int
    seconds: float  # beyond the ordinary run
    holders: list[str]


class Outcome(Said):
    """What was said of one specimen in one round."""

    name: str
    family: str
    leaks: bool
    every: int  # a generated leak's frequency; 1 for any other
    traffic: str
    round: int  # from 0; also the hash seed
    figures: dict[str, list[int]]  # of the simple rules; empty when they were not asked


def judge_generated(
    specimens: Sequence[Specimen], *, jobs: int, seed: int, rules: bool, marked: bool = False
) -> Iterator[Outcome]:
    """Judge each generated specimen in a fresh process, and again for the simple rules.

    Args:
        specimens: What is judged.
        jobs: How many processes at a time.
        seed: The round, and the seed of hashes in it.
        rules: Whether the simple rules are asked too.
        marked: Mark the tests with ``noleak`` instead of checking the whole suite.
    """

    def judge(specimen: Specimen) -> Outcome:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            test = _write(directory, [specimen], marked=marked)[0]
            tests = _checked(directory, [test], seed, marked=marked)
            figures = _figures(directory, [test], seed) if rules else {}
            return _outcome(specimen, seed, tests.get(test, {}), figures.get(test, {}))

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        yield from pool.map(judge, specimens)


def judge_together(specimens: Sequence[Specimen], *, seed: int) -> list[Outcome]:
    """Judge generated specimens one after the other in one session, as a suite."""
    with tempfile.TemporaryDirectory() as name:
        files = _write(Path(name), specimens)
        tests = _checked(Path(name), files, seed)
    return [
        _outcome(specimen, seed, tests.get(file, {}), {})
        for specimen, file in zip(specimens, files, strict=True)
    ]


def _write(directory: Path, specimens: Iterable[Specimen], *, marked: bool = False) -> list[str]:
    (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    # What some of them leave running would keep the process for an hour.
    (directory / "conftest.py").write_text(
        "import os\nimport sys\n\n\ndef pytest_unconfigure():\n"
        "    sys.stdout.flush()\n    os._exit(0)\n",
        encoding="utf-8",
    )
    return [specimen.write(directory, marked=marked) for specimen in specimens]


def _checked(
    directory: Path, files: Sequence[str], seed: int, *, marked: bool = False
) -> dict[str, Mapping[str, Any]]:
    report = directory / "leaks.json"
    options = ["-p", "leakguard", f"--leak-report=json:{report}"]
    _pytest(directory, [*options, *([] if marked else ["--leak-check"]), *files], seed)
    if not report.exists():
        return {}
    tests = json.loads(report.read_text(encoding="utf-8"))["tests"]
    return {test["nodeid"].partition("::")[0]: test for test in tests}


def _figures(directory: Path, files: Sequence[str], seed: int) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {}
    for kind in FIGURES:
        out = directory / f"{kind}.json"
        variables = {"ACCURACY_RULES": kind, "ACCURACY_OUT": str(out), "PYTHONPATH": str(ROOT)}
        _pytest(directory, ["-p", "benchmarks.accuracy.rules", *files], seed, **variables)
        measured = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
        for nodeid, figures in measured.items():
            found.setdefault(nodeid.partition("::")[0], {}).update(figures)
    return found


def _pytest(directory: Path, options: Sequence[str], seed: int, **variables: str) -> None:
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    _run([*options], directory, {**alone, **variables}, seed)


def _run(options: Sequence[str], directory: Path, variables: Mapping[str, str], seed: int) -> None:
    kept = {key: value for key, value in os.environ.items() if not OUTSIDE.fullmatch(key)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    try:
        subprocess.run(
            command,
            cwd=directory,
            env={**kept, "PYTHONHASHSEED": str(seed), "TZ": "UTC", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{' '.join(options)}: not done in {TIME_LIMIT_SECONDS} s", file=sys.stderr)


def _outcome(
    specimen: Specimen,
    seed: int,
    test: Mapping[str, Any],
    figures: Mapping[str, list[int]],
) -> Outcome:
    return Outcome(
        name=specimen.name, family=specimen.family, leaks=specimen.leaks, every=specimen.every,
        traffic=specimen.traffic, round=seed, figures=dict(figures), **_said(test),
    )  # fmt: skip


def _said(test: Mapping[str, Any]) -> Said:
    return Said(
        verdict=test.get("verdict", "no report"),
        reason=test.get("reason", ""),
        executions=test.get("executions", 0),
        seconds=test.get("seconds", 0.0),
        holders=[finding["holder"] for finding in test.get("findings", ())],
    )


def judge_labelled(
    *, jobs: int, seed: int, rules: bool, without: Container[str] = ()
) -> Iterator[Outcome]:
    """Judge the labelled specimens of the tests, each file in a process of its own.

    What is judged, and how, is ``tests/specimens/score.py``'s: see there.

    Args:
        jobs: How many processes at a time.
        seed: The round.
        rules: Whether the simple rules are asked too.
        without: Names of files that are left out.
    """
    leaking = {label["test"] for label in score.labels_of(LABELLED)["leak"]}
    files = [
        path
        for folder in score.FOLDERS
        for path in sorted((LABELLED / folder).glob("test_*.py"))
        if f"{folder}/{path.name}" not in without
    ]

    def judge(file: Path) -> list[Outcome]:
        run = score._run(file, sys.executable, None)
        figures = _labelled_figures(file, seed) if rules else {}
        outcomes = []
        for test in run.tests:
            name = score._node(test["nodeid"])
            family = "labelled leak" if name in leaking else "labelled innocent"
            outcomes.append(
                Outcome(
                    name=name, family=family, leaks=name in leaking, every=1, traffic="",
                    round=seed, figures=figures.get(name, {}), **_said(test),
                )
            )  # fmt: skip
        if run.error:
            print(f"{run.file}: {run.error}", file=sys.stderr)
        return outcomes

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        for outcomes in pool.map(judge, files):
            yield from outcomes


def _labelled_figures(file: Path, seed: int) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for kind in FIGURES:
            out = Path(name, f"{kind}.json")
            variables = {"ACCURACY_RULES": kind, "ACCURACY_OUT": str(out), "PYTHONPATH": str(ROOT)}
            options = ["-p", "no:leakguard", "-p", "benchmarks.accuracy.rules"]
            _run([*options, str(file.relative_to(LABELLED))], LABELLED, variables, seed)
            measured = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
            for nodeid, figures in measured.items():
                found.setdefault(score._node(nodeid), {}).update(figures)
    return found
