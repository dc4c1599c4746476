"""Is growth without a Python object told with what is known of it? Injected growth, no leak."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_leakguard.counters import descriptors
from pytest_leakguard.diagnosis.resources import descriptor_finding, unseen_findings


def test_descriptors_that_do_not_grow_are_no_finding():
    assert descriptor_finding({"fds": 0, "threads": 2}, {}) is None
    assert descriptor_finding({"fds": None}, {}) is None


@pytest.mark.skipif(not descriptors.describe_open(), reason="descriptors are not told here")
def test_a_descriptor_that_was_opened_since_is_named_with_what_it_refers_to(tmp_path):
    opened = descriptors.describe_open()
    path = tmp_path / "kept.txt"

    with path.open("w") as kept:
        number = kept.fileno()
        finding = descriptor_finding({"fds": 1}, opened)

    assert finding is not None
    assert (finding.type, finding.objects_per_run) == ("file descriptor", 1)
    assert finding.note == f"open now: fd {number} -> {path}"


def test_threads_are_counted_and_native_memory_is_weighed():
    found = unseen_findings({"threads": 2, "native_bytes": 4096, "mapped_bytes": 0}, "a note")

    assert [(f.type, f.objects_per_run, f.bytes_per_run, f.note) for f in found] == [
        ("thread", 2, 0, "a note"),
        ("native memory", 0, 4096, "a note"),
    ]


_EXPLAINS = """
import sys

from pytest_leakguard.diagnosis import explain
from pytest_leakguard.diagnosis.roots import Roots
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import Settings
from pytest_leakguard.runner import Trial

class Sound:
    runs = 0

    def run(self):
        Sound.runs += 1

confirm, run_seconds = map(float, sys.argv[1:])
with Heap() as heap:
    trial = Trial(subject=Sound(), settings=Settings(confirm=confirm), heap=heap)
    trial.run_seconds = run_seconds
    (finding,) = explain(trial, Roots(), {"native_bytes": 4096}, Sources()).findings
print(Sound.runs, finding.note)
"""


@pytest.mark.parametrize(
    ("confirm", "run_seconds", "told"),
    [
        (1000, 0, "9 9 more runs; no Python object holds it"),
        (1000, 1000, "3 3 more runs; no Python object holds it"),
        (0, 0, "1 holders were not looked for: a traced run takes "),
    ],
    ids=["fast", "slow", "too slow"],
)
def test_the_runs_that_were_searched_are_told_as_they_were(tmp_path, confirm, run_seconds, told):
    script = tmp_path / "script.py"
    script.write_text(_EXPLAINS, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(script), str(confirm), str(run_seconds)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(told)
