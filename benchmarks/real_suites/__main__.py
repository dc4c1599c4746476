"""Run real test suites with and without the plugin: `python -m benchmarks.real_suites`.

It takes Python 3.11 or newer, for its TOML reader, and a pip that can reach an index. Finished
suites are read back from the work directory; `--fresh` runs them again. `--verify` needs no
plugin: it runs each suite plainly, twice, which is how a suite gets onto the list.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from .results import Result, compare, differences
from .runs import run_mode
from .suites import Suite, prepare, read_suites
from .tables import DIFFERING, render

WORK = Path(tempfile.gettempdir(), "leakguard-suites")
OFF = ("-p", "no:leakguard")


def main() -> int:
    """Do what the command line asks for; 1 when an outcome changed or a report is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_suites", description=__doc__)
    parser.add_argument("--suite", action="append", choices=read_suites(), metavar="NAME")
    parser.add_argument("--all", action="store_true", help="every suite of the list")
    parser.add_argument("--python", default=sys.executable, metavar="PY", help="runs the suites")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget results of earlier calls")
    parser.add_argument("--verify", action="store_true", help="only run plainly, twice")
    parser.add_argument("--write-docs", type=Path, metavar="PATH", help="write the tables there")
    chosen = parser.parse_args()
    results: list[Result] = []
    sound = True
    for name, suite in read_suites().items():
        if name not in chosen.suite if chosen.suite else not (chosen.all or suite["default"]):
            continue
        home = chosen.work.resolve() / name
        if chosen.fresh:
            (home / "result.json").unlink(missing_ok=True)
        prepare(suite, home, base_python=chosen.python, plugin=not chosen.verify)
        if chosen.verify:
            sound &= verify(suite, home)
        else:
            results.append(result := measure(suite, home))
            sound &= bool(result["verdicts"]) and not any(result[key] for key in DIFFERING)
    if results:
        print(render(results))
        if chosen.write_docs:
            chosen.write_docs.write_text(render(results), encoding="utf-8")
    return 0 if sound else 1


def measure(suite: Suite, home: Path) -> Result:
    """Run a suite in all modes, or read back what an earlier call found."""
    kept = home / "result.json"
    if kept.exists():
        earlier: Result = json.loads(kept.read_text(encoding="utf-8"))
        if earlier["suite"] == suite:
            return earlier
    reports = {mode: home / f"{mode}-leaks.json" for mode in ("checked", "together")}
    for report in reports.values():
        report.unlink(missing_ok=True)
    check = {mode: ("--leak-check", f"--leak-report=json:{reports[mode]}") for mode in reports}
    pair = ("-n", "2")
    # Collecting first, so that no timed run pays for compiling the tests.
    run_mode(suite, home, "collected", *OFF, "--collect-only", "-qq")
    runs = {}
    for mode, extra in (
        ("plain", OFF),
        ("unused", ()),
        ("checked", check["checked"]),
        ("together", (*check["together"], *pair)),
        ("covered", (*OFF, *pair)),
        # Tests that draw at random do not always run the same lines.
        ("covered-2", (*OFF, *pair)),
        ("covered-3", (*OFF, *pair)),
    ):
        if mode.startswith("covered-") and not compare(suite, runs, reports)["coverage"]:
            break
        runs[mode] = run_mode(suite, home, mode, *extra, measure_coverage="-n" in extra)
        seconds, code = runs[mode].seconds, runs[mode].exit_code
        print(f"{suite['name']}, {mode}: {seconds:.1f} s, exit code {code}", file=sys.stderr)
    result = compare(suite, runs, reports)
    kept.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return result


def verify(suite: Suite, home: Path) -> bool:
    """Say whether a suite passes plainly, twice alike, with the number of tests expected."""
    runs = [run_mode(suite, home, f"verified-{n}", *OFF) for n in (1, 2)]
    wrong = differences(runs[0].outcomes, runs[1].outcomes)
    wrong += [f"exit code {run.exit_code}" for run in runs if run.exit_code != 0]
    if len(runs[0].outcomes) != suite["expected"]:
        wrong.append(f"{len(runs[0].outcomes)} tests, {suite['expected']} expected")
    print(f"{suite['name']}: {runs[1].seconds:.1f} s", *wrong or ["as expected"], sep="\n  ")
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
