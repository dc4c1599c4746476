"""Print what snapshots of a large heap cost: ``python -m benchmarks.snapshots``.

Two sorts of heap, each of a million traces unless ``--traces`` says otherwise. In the first, which
is traced for real, many blocks come from one traceback, as in any program; in the second, which is
made up, no two traces have a traceback in common, which is the most that there can be to compare.
Each is compared with one that has a part more, by a process of its own: the time includes Python's
start and the reading of both files, and the memory is the most that it ever had.
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_leakguard.diagnosis.aside import in_short_stack
from pytest_leakguard.snapshots.comparing import BYS
from pytest_leakguard.snapshots.model import Header, Snapshot, Tables
from pytest_leakguard.snapshots.taking import whole_heap
from pytest_leakguard.snapshots.writing import write

TRACES = 1_000_000
FRAMES = 10
#: What a leak is explained with.
MANY_FRAMES = 25
#: What the second snapshot of a pair has more, as a part of the first.
_MORE = 0.05
_LINES, _CALLEES, _BRANCHING = 40, 3, 8
_FILES = 2_000
_COMPARE = """
import resource, sys
from pytest_leakguard.cli import main
main(["compare", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr)
"""
_TAKEN = """
import sys
from benchmarks.snapshots import take
take(*sys.argv[1:])
"""


def program() -> Callable[[list[object], random.Random], None]:
    """Return a program whose calls reach blocks by some ten thousands of tracebacks."""
    lines = []
    for depth in range(FRAMES):
        for callee in range(_CALLEES):
            ways = 4 if depth < _BRANCHING else 1
            lines += [f"def f{depth}_{callee}(kept, dice):", f"    way = dice.randrange({ways})"]
            for way in range(ways):
                then = (
                    "kept.append(bytes(40))"
                    if depth == FRAMES - 1
                    else f"f{depth + 1}_{way % _CALLEES}(kept, dice)"
                )
                lines += [f"    if way == {way}:", f"        {then}"]
    space: dict[str, Callable[[list[object], random.Random], None]] = {}
    exec(compile("\n".join(lines), "/srv/app/program.py", "exec"), space)
    return space["f0_0"]


def take(first: str, second: str, traces: str) -> None:
    """Trace a program, save two snapshots of it, and print the seconds that each part took."""
    run, kept, dice = program(), [], random.Random(1)
    tracemalloc.start(FRAMES)
    for path, more in ((first, int(traces)), (second, int(int(traces) * _MORE))):
        for _ in range(more):
            run(kept, dice)
        gc.collect()
        begun = time.perf_counter()
        snapshot, _ = in_short_stack(lambda: whole_heap("/srv/app"))
        taken = time.perf_counter()
        write(Path(path), snapshot)
        written = time.perf_counter()
        tables = snapshot.tables
        print(sum(tables.counts), len(tables.depths), taken - begun, written - taken)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def make_up(path: Path, traces: int, seed: int, frames_each: int) -> float:
    """Save a snapshot in which each trace has a traceback of its own; return the seconds."""
    dice = random.Random(seed)
    names = ["", *(f"/srv/app/package_{number % 90}/m{number}.py" for number in range(_FILES))]
    files, lines = array("I"), array("I")
    for number in range(_FILES):
        files.extend([number + 1] * _LINES)
        lines.extend(range(1, _LINES + 1))
    frames = array("I", (dice.randrange(len(files)) for _ in range(traces * frames_each)))
    header = Header(
        kind="moment",
        time=1.8e9 + seed,
        pid=1,
        python=platform.python_version(),
        platform=platform.platform(),
        root="/srv/app",
        library="/usr/lib/python3",
        frame_limit=frames_each,
    )
    tables = Tables(
        names=names,
        frame_files=files,
        frame_lines=lines,
        depths=array("I", [frames_each]) * traces,
        sizes=array("Q", (dice.randrange(32, 4096) for _ in range(traces))),
        counts=array("Q", [1]) * traces,
        frames=frames,
    )
    begun = time.perf_counter()
    write(path, Snapshot(header=header, tables=tables))
    return time.perf_counter() - begun


def grown(first: Path, second: Path, traces: int, frames_each: int) -> None:
    """Save a snapshot that has those of another one and a part more."""
    from pytest_leakguard.snapshots.reading import read

    make_up(second, int(traces * _MORE), 2, frames_each)
    old, new = read(first), read(second)
    joined = {
        name: getattr(old.tables, name) + getattr(new.tables, name)
        for name in ("depths", "sizes", "counts", "frames")
    }
    write(second, replace(old, tables=replace(old.tables, **joined)))


def compare(first: Path, second: Path, by: str) -> tuple[float, int]:
    """Return the seconds and the most memory, in bytes, of a comparison in a process of its own."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _COMPARE, str(first), str(second), f"--by={by}"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - begun, int(done.stderr.split()[-1])


def _report(title: str, first: Path, second: Path, bys: Sequence[str]) -> None:
    sizes = " and ".join(f"{path.stat().st_size / 2**20:.1f} MiB" for path in (first, second))
    print(f"{title}: files of {sizes}")
    for by in bys:
        seconds, most = compare(first, second, by)
        print(f"  compared by {by:<10} {seconds:5.1f} s  {most / 2**20:6.0f} MiB at most")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=TRACES)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        first, second = (Path(directory, f"{name}.leaksnap") for name in "ab")
        done = subprocess.run(
            [sys.executable, "-c", _TAKEN, str(first), str(second), str(given.traces)],
            check=True,
            capture_output=True,
            text=True,
        )
        *lines, most = done.stdout.splitlines()
        for line in lines:
            number, tracebacks, taken, written = map(float, line.split())
            print(
                f"{number:,.0f} traces, {tracebacks:,.0f} tracebacks of {FRAMES} frames: taken in"
                f" {taken:.1f} s, written in {written:.1f} s"
            )
        print(f"the traced program had {int(most) / 2**20:.0f} MiB at most")
        _report("traced", first, second, BYS)
        for frames, bys in ((FRAMES, BYS), (MANY_FRAMES, (BYS[0], BYS[-1]))):
            written = make_up(first, given.traces, 1, frames)
            grown(first, second, given.traces, frames)
            title = f"made up, each trace with a traceback of its own, of {frames} frames"
            _report(f"{title}, written in {written:.1f} s", first, second, bys)


if __name__ == "__main__":
    main()
