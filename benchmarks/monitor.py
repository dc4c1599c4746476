"""Measure what watching a whole session costs: `python -m benchmarks.monitor`.

Real suites are run plainly and with `--leak-monitor` in turn, in processes of their own: the ratio
of each pair is what counts. It takes Python 3.11 or newer and a pip that can reach an index. With
`--memory` nothing is downloaded: a monitor is told of 100,000 tests, and what it then holds is
summed up.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from .real_suites.runs import run_mode
from .real_suites.suites import Suite, prepare, read_suites

WORK = Path(tempfile.gettempdir(), "leakguard-suites")
SUITES = ("marshmallow", "jinja2", "attrs")
OFF, ON = (), ("--leak-monitor",)
TESTS, HOLDERS = 100_000, 32
#: As many holders as are watched at most, all of which grow by each test.
STORES: list[list[object]] = [[] for _ in range(HOLDERS)]


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor", description=__doc__)
    parser.add_argument("--suite", action="append", choices=read_suites(), metavar="NAME")
    parser.add_argument("--pairs", type=int, default=7, metavar="N", help="(%(default)s)")
    parser.add_argument("--python", default=sys.executable, metavar="PY", help="runs the suites")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--memory", action="store_true", help="only what a monitor holds")
    chosen = parser.parse_args()
    print(f"a monitor that was told of {TESTS:,} tests holds {held() / 2**20:.2f} MiB")
    if chosen.memory:
        return 0
    print("\n| suite | tests | seconds | CPU | wall | same outcomes |\n|---|---|---|---|---|---|")
    for name in chosen.suite or SUITES:
        suite, home = read_suites()[name], chosen.work.resolve() / name
        prepare(suite, home, base_python=chosen.python)
        print(compare(suite, home, chosen.pairs), flush=True)
    return 0


def compare(suite: Suite, home: Path, pairs: int) -> str:
    """Run a suite in pairs, plain and watched, and return a row of the table."""
    run_mode(suite, home, "plain", *OFF)  # compiles the tests
    times: list[tuple[tuple[float, float], tuple[float, float]]] = []
    alike = True
    for _ in range(pairs):
        plain, outcomes = timed(suite, home, "plain", OFF)
        beside, others = timed(suite, home, "watched", ON)
        times.append((plain, beside))
        alike &= outcomes == others
    cpu, wall = (
        statistics.median(beside[kind] / plain[kind] for plain, beside in times)
        for kind in range(2)
    )
    seconds = statistics.median(plain[1] for plain, _ in times)
    return (
        f"| {suite['requirement']} | {len(outcomes):,} | {seconds:.1f} | {cpu:.3f}x | {wall:.3f}x"
        f" | {'yes' if alike else 'NO'} |"
    )


def timed(
    suite: Suite, home: Path, mode: str, extra: tuple[str, ...]
) -> tuple[tuple[float, float], dict[str, str]]:
    """Run a suite once: its processor time and wall time in seconds, and its outcomes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    run = run_mode(suite, home, mode, *extra)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall), run.outcomes


def held() -> int:
    """Tell a monitor of many tests, and return how many bytes it then holds."""
    from pytest_leakguard.counters.nearby import Neighbourhood
    from pytest_leakguard.monitor.process import ProcessMonitor

    near = Neighbourhood(
        key="",
        near=lambda: [globals()],
        far=list,
        own=(),
        foreign=lambda package: package == "pytest",
    )
    names = [f"tests/test_{number // 50}.py::test_{number}" for number in range(TESTS)]
    tracemalloc.start()
    monitor = ProcessMonitor()
    monitor.open(TESTS)
    for name in names:
        monitor.begin(name)
        for store in STORES:
            store.append(None)
        monitor.end(name.partition("::")[0], lambda: near)
    ours = tracemalloc.Filter(inclusive=True, filename_pattern="*/pytest_leakguard/*")
    snapshot = tracemalloc.take_snapshot().filter_traces([ours])
    tracemalloc.stop()
    growing = monitor.close().growing
    assert len(growing) >= HOLDERS - 1, f"{len(growing)} holders were seen to grow"
    return sum(trace.size for trace in snapshot.traces)


if __name__ == "__main__":
    sys.exit(main())
