"""What does a suite do in one mode? Run it in a process; read outcomes, exit code and time."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import suppress
from shutil import rmtree
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from .suites import PYTHON, Suite

if TYPE_CHECKING:
    from pathlib import Path

TIME_LIMIT_SECONDS = 3600
# What would make two runs differ for reasons outside of the suite.
OUTSIDE = re.compile(r"(PYTEST|PYTHON|HYPOTHESIS|COVERAGE).*|.*_PROXY", re.IGNORECASE)
# What pytest spells out in JUnit names; everything beyond the basic plane is among it.
ESCAPED = re.compile("[^\t\n\r\u0020-\u007e\u0080-\ud7ff\ue000-\ufffd]")


class ModeRun(NamedTuple):
    """One run of a whole suite."""

    outcomes: dict[str, str]  # by test, in JUnit's naming; several are joined by `+`
    exit_code: int | None  # pytest's own; None when the time limit ended it
    seconds: float  # wall time of the process, its start included


def run_mode(suite: Suite, home: Path, mode: str, *extra: str) -> ModeRun:
    """Run a suite once; output and JUnit file stay in its home, named after the mode."""
    junit = home / f"{mode}.xml"
    junit.unlink(missing_ok=True)
    rmtree(home / "hypothesis", ignore_errors=True)
    variables = {key: value for key, value in os.environ.items() if not OUTSIDE.fullmatch(key)}
    variables |= {"PYTHONHASHSEED": "0", "TZ": "UTC"}
    variables |= {"HYPOTHESIS_STORAGE_DIRECTORY": str(home / "hypothesis")}
    switches = ["-p", "no:cacheprovider", "-p", "no:randomly", f"--junitxml={junit}", *extra]
    switches += [f"--deselect={one['test']}" for one in suite["deselect"]]
    command = [str(home / PYTHON), "-m", "pytest", *switches, *suite["arguments"]]
    (source,) = (path for path in (home / "source").iterdir() if path.is_dir())
    exit_code = None
    started = time.monotonic()
    with (home / f"{mode}.log").open("wb") as log, suppress(subprocess.TimeoutExpired):
        exit_code = subprocess.run(
            [*command, *suite["tests"]],
            cwd=source,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        ).returncode
    return ModeRun(read_outcomes(junit), exit_code, time.monotonic() - started)


def read_outcomes(junit: Path) -> dict[str, str]:
    """Read the outcome of each test; empty when the run ended before it wrote the file."""
    outcomes: dict[str, str] = {}
    for case in ET.parse(junit).iter("testcase") if junit.exists() else ():
        test = f"{case.get('classname')}::{case.get('name')}"
        kinds = [c.tag for c in case if c.tag in {"failure", "error", "skipped"}] or ["passed"]
        outcomes[test] = "+".join([*filter(None, [outcomes.get(test)]), *kinds])
    return outcomes


def junit_name(nodeid: str) -> str:
    """Name a node id as `read_outcomes` does: pytest's JUnit files turn its path into dots."""
    address, bracket, parameters = nodeid.partition("[")
    path, *names = address.split("::")
    parts = [path.replace("/", ".").removesuffix(".py"), *names]
    name = ESCAPED.sub(lambda one: f"#x{ord(one[0]):02X}", parts[-1] + bracket + parameters)
    return f"{'.'.join(parts[:-1])}::{name}"
