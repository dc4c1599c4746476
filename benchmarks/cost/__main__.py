"""Print what checking costs as ratios: ``python -m benchmarks.cost``.

Each row runs one generated suite checked, and then the same tests as often each without checking.
Times are compared pair by pair; the medians of the ratios are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAPS = ("10000", "200000", "2000000", "fragmented")
TESTS = 40
BODIES = {
    "tiny": "    assert sum((1, 2)) == 3",
    "medium": (
        "    table = {n: [str(n), n * 1.5] for n in range(2_000)}\n    assert len(table) == 2_000"
    ),
    "allocating": (
        "    nodes = [{'left': [n], 'right': (n, [n])} for n in range(20_000)]\n"
        "    for node in nodes:\n"
        "        node['self'] = node\n"
        "    assert len(nodes) == 20_000"
    ),
}


def write_suite(kind: str, directory: Path) -> None:
    """Write a file with equal tests of one kind."""
    tests = "\n\n\n".join(f"def test_{number}():\n{BODIES[kind]}" for number in range(TESTS))
    (directory / f"test_{kind}.py").write_text(f"{tests}\n", encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")


def run(directory: Path, heap: str, *arguments: str, **variables: str) -> tuple[dict, float]:
    """Run pytest in a suite's directory; return the harness's figures and the whole time."""
    out = directory / "figures.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COST_HEAP": heap, "COST_OUT": str(out)}
    environment.pop("COST_COUNTS", None)
    begun = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begun
    if finished.returncode != 0:
        raise SystemExit(f"the benchmark's suite failed:\n{finished.stdout}{finished.stderr}")
    return json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}, seconds


def compare(kind: str, heap: str, rounds: int, *, marked: bool) -> dict[str, float]:
    """Compare one kind of test on one heap, checked and repeated."""
    ratios, executions, collections = [], [], []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_suite(kind, directory)
        if marked:
            path = directory / f"test_{kind}.py"
            path.write_text(
                "import pytest\n\npytestmark = pytest.mark.noleak\n\n\n" + path.read_text()
            )
        harness = ("-p", "benchmarks.cost.harness")
        report = directory / "report.json"
        mode = () if marked else ("--leak-check",)
        bare, _ = run(directory, heap, *harness, "-p", "no:leakguard", "-W", "ignore")
        for _ in range(rounds):
            checked, _ = run(directory, heap, *harness, *mode, f"--leak-report=json:{report}")
            tests = json.loads(report.read_text(encoding="utf-8"))["tests"]
            counts = directory / "counts.json"
            counts.write_text(json.dumps({test["nodeid"]: test["executions"] for test in tests}))
            repeated, _ = run(
                directory, heap, *harness, "-p", "no:leakguard", "-W", "ignore",
                COST_COUNTS=str(counts),
            )  # fmt: skip
            # The first test pays for imports and the self-check, once per session.
            later = list(checked["seconds"])[1:]
            ratios.append(
                sum(checked["seconds"][test] for test in later)
                / sum(repeated["seconds"][test] for test in later)
            )
            executions.append(statistics.mean(test["executions"] for test in tests))
            collections.append(checked["full_collections"])
    return {
        "ratio": statistics.median(ratios),
        "executions": statistics.median(executions),
        "full": statistics.median(collections),
        "bare_full": bare["full_collections"],
    }


def unused(rounds: int) -> float:
    """Return the whole time of a session with the plugin installed but unused, over without."""
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_suite("medium", directory)
        for _ in range(rounds):
            _, with_plugin = run(directory, "0")
            _, without = run(directory, "0", "-p", "no:leakguard")
            ratios.append(with_plugin / without)
    return statistics.median(ratios)


def table(rounds: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"CPython {platform.python_version()}, {platform.system()}, median of {rounds} rounds."
    yield ""
    yield (
        "| tests | heap | checked / repeated | executions per test | full collections in"
        f" {TESTS} first runs | in a bare session |"
    )
    yield "|---|---|---|---|---|---|"
    for kind in BODIES:
        for heap in HEAPS:
            row = compare(kind, heap, rounds, marked=False)
            yield (
                f"| {kind} | {heap} | {row['ratio']:.2f} | {row['executions']:.1f}"
                f" | {row['full']:.0f} | {row['bare_full']:.0f} |"
            )
    row = compare("medium", "200000", rounds, marked=True)
    yield (
        f"| medium, marked (traced, containers) | 200000 | {row['ratio']:.2f}"
        f" | {row['executions']:.1f}"
        f" | {row['full']:.0f} | {row['bare_full']:.0f} |"
    )
    yield ""
    yield f"Installed but unused, whole session with / without: {unused(4 * rounds):.3f}"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs for each row")
    parser.add_argument("--write-docs", type=Path, help="write the table to this file as well")
    options = parser.parse_args()
    lines = []
    for line in table(options.rounds):
        print(line, flush=True)
        lines.append(line)
    if options.write_docs is not None:
        options.write_docs.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
