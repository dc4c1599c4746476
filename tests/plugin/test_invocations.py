"""Do sessions end as they should however they are started, coloured and interrupted?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

_LEAKS = """
kept = []

def test_sound():
    [[number] for number in range(10)]

def test_leaks():
    kept.append([1])

def test_last():
    {1: [2]}
"""
_ESCAPE = "\x1b["


@pytest.mark.row("starts", "several calls of `pytest.main()` in one process")
def test_several_sessions_in_one_process_are_judged_each_by_itself(lab):
    lab.write(
        {
            "test_it.py": _LEAKS,
            "run.py": """
import sys

import pytest

class Mine:
    def pytest_configure(self):
        print("configured")

codes = []
check = ["--leak-check"]
for number, args in enumerate([check, [], [*check, "-k", "sound"], check]):
    report = [f"--leak-report=json:{number}.json"] if args else []
    codes.append(int(pytest.main([*args, *report, "-p", "leakguard"], plugins=[Mine()])))
print("codes", codes, "hooks", sys.gettrace(), flush=True)
""",
        }
    )
    done = subprocess.run(
        [sys.executable, "run.py"],
        cwd=lab.path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert "codes [1, 0, 0, 1] hooks None" in done.stdout, done.stdout + done.stderr
    assert lab.verdicts("0.json") == lab.verdicts("3.json")
    assert lab.verdicts("3.json") == {
        "test_sound": "clean",
        "test_leaks": "leak",
        "test_last": "clean",
    }
    assert lab.verdicts("2.json") == {"test_sound": "clean"}
    first, last = (lab.json(name)["tests"][1]["findings"] for name in ("0.json", "3.json"))
    assert [one["fingerprint"] for one in first] == [one["fingerprint"] for one in last]


@pytest.mark.row("options", "`--color`, `NO_COLOR`, `FORCE_COLOR`")
@pytest.mark.parametrize(
    ("args", "variables", "coloured"),
    [
        (("--color=yes",), {}, True),
        (("--color=no",), {}, False),
        ((), {}, False),  # no terminal
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color=no",), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_a_leak_is_coloured_like_any_failure_and_its_text_stays(
    lab, monkeypatch, args, variables, coloured
):
    for name in ("NO_COLOR", "FORCE_COLOR", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    lab.write({"test_it.py": _LEAKS})

    session = lab.checked(*args)

    assert (_ESCAPE in session.raw) == coloured
    assert "test_it.py:6: leak: +1 object" in session.raw
    assert "held by    test_it.kept -> list" in session.raw


_HEARS_CTRL_C = """
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
"""


@pytest.mark.row("options", "Ctrl-C", difference="in a re-run, too, it ends the session")
@pytest.mark.row("starts", "`python -m pytest`")
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX")
@pytest.mark.parametrize("moment", range(8))
def test_ctrl_c_at_any_moment_ends_the_session_with_its_report(lab, moment):
    # Three files, so that it is not over by itself in the time that is waited here.
    files = {f"test_{number}.py": _LEAKS for number in range(3)}
    lab.write({"conftest.py": _HEARS_CTRL_C, **files})
    report = lab.path / "leaks.json"
    args = ("--leak-check", f"--leak-report=json:{report}", "-p", "leakguard", "--junitxml=j.xml")
    started = subprocess.Popen(
        [sys.executable, "-m", "pytest", *args],
        cwd=lab.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    process = psutil.Process(started.pid)
    lines = []
    for line in started.stdout:  # the first tests have been collected
        lines.append(line)
        if line.startswith("collected"):
            break
    time.sleep(moment * 0.2)  # into another part of the work each time
    family = process.children(recursive=True)
    started.send_signal(signal.SIGINT)
    rest, _ = started.communicate(timeout=60)

    # CPython ends a process by the signal itself if that met it in an exec() of text, as where a
    # dataclass is made, whatever is caught later.
    codes = (pytest.ExitCode.INTERRUPTED, -signal.SIGINT)
    assert started.returncode in codes, "".join(lines) + rest
    assert "KeyboardInterrupt" in rest
    json.loads(report.read_text(encoding="utf-8"))
    assert (lab.path / "j.xml").read_text(encoding="utf-8").endswith("</testsuites>")
    assert not psutil.wait_procs(family, timeout=10)[1]
