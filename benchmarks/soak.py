"""Does a soak hold memory flat itself? Memory at 1,000, 10,000 and 100,000 runs of a sound test.

    python -m benchmarks.soak [--runs=100000]

A soak of a trivial test in a pytest session, with its fixtures set up and torn down each time, and
one of a trivial callable without pytest, each in a process of its own: what is resident, and the
blocks of memory that the interpreter has in use, as a run of the test sees them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: What may be resident more after the most runs than after the first 1,000, and how many blocks may
#: be in use: pages of libraries are read when they are first needed, and some things made once.
MOST_BYTES, MOST_BLOCKS = 2 << 20, 64

_NOTING = """
import json
import os
import sys
from array import array

MARKS = json.loads(os.environ["SOAK_MARKS"])
runs = array("q", [0])
noted = array("q", bytes(8 * 2 * len(MARKS)))
number = array("q", [0])

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def note():
    runs[0] += 1
    if number[0] == len(MARKS):
        raise KeyboardInterrupt  # as a user ends a soak
    if runs[0] == MARKS[number[0]]:
        noted[2 * number[0]] = resident()
        noted[2 * number[0] + 1] = sys.getallocatedblocks()
        number[0] += 1

def tell():
    with open(os.environ["SOAK_NOTES"], "w") as file:
        json.dump([list(noted[at : at + 2]) for at in range(0, len(noted), 2)], file)
"""
_TEST = """
import pytest
from noting import note, tell

@pytest.mark.noleak(duration="24 h")
def test_trivial(tmp_path, monkeypatch):
    monkeypatch.setenv("SOAKED", "yes")
    note()

def teardown_module():
    tell()
"""
_CALLABLE = """
from noting import note, tell
from pytest_leakguard import check

result = check(note, duration="24 h")
tell()
print(result.verdict, result.reason)
"""


def measure(what: str, command: list[str], marks: list[int], directory: Path) -> bool:
    """Print what a soak had in use at each number of runs, and tell whether that is flat."""
    notes = directory / "notes.json"
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=directory,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{directory}:{Path(__file__).parents[1]}",
            "SOAK_MARKS": json.dumps(marks),
            "SOAK_NOTES": str(notes),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if not notes.exists():
        print(done.stdout, done.stderr)
        return False
    noted = json.loads(notes.read_text())
    said = next((line for line in done.stdout.splitlines() if "interrupted after" in line), "")
    print(f"{what}: {seconds:.0f} s; {said.partition('interrupted after')[2].strip()}")
    print("      runs    resident      blocks")
    for mark, (resident, blocks) in zip(marks, noted, strict=True):
        print(f"{mark:>10,}  {resident / 2**20:>6.2f} MiB  {blocks:>10,}")
    grown = [last - first for first, last in zip(noted[0], noted[-1], strict=True)]
    print(f"      more  {grown[0] / 1024:>6.0f} KiB  {grown[1]:>10,}\n")
    return grown[0] <= MOST_BYTES and grown[1] <= MOST_BLOCKS and "flat so far" in said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100_000)
    most = parser.parse_args().runs
    marks = [mark for mark in (1_000, 10_000) if mark < most] + [most]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "noting.py").write_text(_NOTING)
        (directory / "test_trivial.py").write_text(_TEST)
        (directory / "callable.py").write_text(_CALLABLE)
        session = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_trivial.py"]
        flat = measure("a callable", [sys.executable, "callable.py"], marks, directory)
        (directory / "notes.json").unlink(missing_ok=True)
        flat = measure("a test in a session", session, marks, directory) and flat
    print("flat" if flat else "NOT FLAT")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
