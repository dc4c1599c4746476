"""Are measurements exact, in a process where no other thread is at work?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).with_name("measurement_cases.py")


def test_every_case_holds_in_a_process_of_its_own():
    # A worker of pytest-xdist has a thread that receives, and what it keeps meanwhile would count.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]

    done = subprocess.run(  # noqa: PLW1510  # the assertion shows its output
        [*command, str(CASES)], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    cases = CASES.read_text(encoding="utf-8").count("\ndef test_")
    passed = int(done.stdout.strip().rpartition("\n")[2].split()[0])
    assert passed >= cases > 0
