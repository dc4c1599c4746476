"""What does a suite do in one mode? Run it in a process; read what it leaves behind."""

from __future__ import annotations

import json
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
# What differs in messages from run to run: addresses, times, where temporary files are, and which
# worker ran a test.
PASSING = re.compile(r"0x[0-9a-f]+|\d+\.\d+|/tmp/\S+|\[gw\d+\]")
ESCAPED = re.compile("[^\t\n\r\u0020-\u007e\u0080-\ud7ff\ue000-\ufffd]")


class ModeRun(NamedTuple):
    """One run of a whole suite."""

    outcomes: dict[str, str]  # by test, in JUnit's naming; several are joined by `+`
    exit_code: int | None  # pytest's own; None when the time limit ended it
    seconds: float  # wall time of the process, its start included
    texts: dict[str, str]  # by test, all else that the JUnit file says of it but times
    coverage: dict[str, list[str]]  # by file, the lines and branches run; empty if not measured


def run_mode(
    suite: Suite, home: Path, mode: str, *extra: str, measure_coverage: bool = False
) -> ModeRun:
    """Run a suite once; output and JUnit file stay in its home, named after the mode."""
    junit = home / f"{mode}.xml"
    covered = home / f"{mode}-coverage.json"
    for earlier in (junit, covered):
        earlier.unlink(missing_ok=True)
    rmtree(home / "hypothesis", ignore_errors=True)
    variables = {key: value for key, value in os.environ.items() if not OUTSIDE.fullmatch(key)}
    variables |= {"PYTHONHASHSEED": "0", "TZ": "UTC"}
    variables |= {"HYPOTHESIS_STORAGE_DIRECTORY": str(home / "hypothesis")}
    variables |= {"COVERAGE_FILE": str(home / f"{mode}.coverage")}
    switches = ["-p", "no:cacheprovider", "-p", "no:randomly", f"--junitxml={junit}", *extra]
    if measure_coverage:
        switches += [f"--cov={package}" for package in suite["packages"]] or ["--cov"]
        switches += ["--cov-branch", f"--cov-report=json:{covered}"]
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
    seconds = time.monotonic() - started
    return ModeRun(
        read_outcomes(junit), exit_code, seconds, read_texts(junit), read_coverage(covered)
    )


def read_outcomes(junit: Path) -> dict[str, str]:
    """Read the outcome of each test; empty when the run ended before it wrote the file."""
    outcomes: dict[str, str] = {}
    for case in ET.parse(junit).iter("testcase") if junit.exists() else ():
        test = f"{case.get('classname')}::{case.get('name')}"
        kinds = [c.tag for c in case if c.tag in {"failure", "error", "skipped"}] or ["passed"]
        outcomes[test] = "+".join([*filter(None, [outcomes.get(test)]), *kinds])
    return outcomes


def read_texts(junit: Path) -> dict[str, str]:
    """Read what a JUnit file says of each test beside its time and what the plugin adds to it."""
    texts: dict[str, str] = {}
    for case in ET.parse(junit).iter("testcase") if junit.exists() else ():
        test = f"{case.get('classname')}::{case.get('name')}"
        parts = [
            f"{part.tag} {sorted(part.attrib.items())} {part.text or ''}"
            for part in case.iter()
            if part not in {case, *case.findall("properties")}
            and not str(part.get("name")).startswith("leak_")
        ]
        texts[test] = texts.get(test, "") + PASSING.sub("(passing)", "\n".join(parts))
    return texts


def read_coverage(covered: Path) -> dict[str, list[str]]:
    """Read a coverage report: each file's lines that ran, and its branches that were taken."""
    if not covered.exists():
        return {}
    files = json.loads(covered.read_text(encoding="utf-8"))["files"]
    return {
        name: [str(line) for line in one["executed_lines"]]
        + [f"{start} to {end}" for start, end in one.get("executed_branches", ())]
        for name, one in files.items()
    }


def junit_name(nodeid: str) -> str:
    """Name a node id as `read_outcomes` does: pytest's JUnit files turn its path into dots."""
    address, bracket, parameters = nodeid.partition("[")
    path, *names = address.split("::")
    parts = [path.replace("/", ".").removesuffix(".py"), *names]
    name = ESCAPED.sub(lambda one: f"#x{ord(one[0]):02X}", parts[-1] + bracket + parameters)
    return f"{'.'.join(parts[:-1])}::{name}"
