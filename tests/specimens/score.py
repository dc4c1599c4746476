"""Score the plugin against the labelled specimens.

Runs pytest with ``--leak-check`` on each specimen file in a process of its own, two at a time,
reads the JSON reports, compares them with ``labels.toml`` and prints what was caught, how well it
was explained, and who was accused without reason, with each miss on a line of its own::

    python tests/specimens/score.py [--root FOLDER] [--python PY] [--only leaks|innocents]
                                    [-k EXPRESSION]

The specimens are those of this folder, or of another one that is laid out like it: ``labels.toml``,
``leaks/``, ``innocents/`` and, if they share modules, ``app/``. The exit status is 0 however bad the
score is, and 1 if a file could not be run at all.
"""

from __future__ import annotations

import argparse
import ast
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest depends on it where the standard library has none

HERE = Path(__file__).resolve().parent
FOLDERS = ("leaks", "innocents")
LONGEST_RUN_SECONDS = 1_800

# What pytest exits with when it ran the tests, whatever came of them. Any other status means that
# the file could not be run: interrupted, internal error, bad usage; 5 is "nothing selected by -k".
RAN = (0, 1)
NOTHING_SELECTED = 5

# Words on a path that say how a name is reached, and which no two reports need to spell alike.
PLUMBING = frozenset(
    "__closure__ __defaults__ __dict__ __func__ __kwdefaults__ __self__ args cell cell_contents"
    " class closure cr_frame default f_locals fixture gi_frame keywords local module".split()
)
# Functions that a line may be in without anybody having given them that name.
NAMELESS = frozenset(("", "<locals>", "<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>"))


@dataclass(frozen=True)
class FileRun:
    """What came of one specimen file: its report, or why there is none."""

    file: str
    tests: tuple[dict[str, Any], ...] = ()
    error: str | None = None
    skipped: str | None = None
    root: Path = HERE


@dataclass
class Score:
    """Counts and misses; a *count* is a pair of successes and trials."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)
    executions: dict[str, list[int]] = field(default_factory=dict)
    surplus_findings: int = 0
    seconds: float = 0.0

    def add(self, what: str, success: bool) -> bool:
        count = self.counts.setdefault(what, [0, 0])
        count[0] += success
        count[1] += 1
        return success

    def miss(self, test: str, what: str, expected: object, got: object) -> None:
        self.misses.append(f"{what}: {test}: expected {expected}, got {got}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Score the plugin against the specimens.")
    parser.add_argument("--root", type=Path, default=HERE, help="folder of the specimens")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="interpreter to run pytest with; the plugin has to be installed there",
    )
    parser.add_argument("--only", choices=FOLDERS, help="run one of the two folders")
    parser.add_argument("-k", dest="expression", help="handed to pytest: run matching tests only")
    options = parser.parse_args()

    # A relative path would be looked up from the specimens' folder; a link to an interpreter has
    # to stay one, because a virtual environment is recognised by where the link is.
    python = os.path.abspath(options.python) if os.sep in options.python else options.python
    root = options.root.resolve()
    labels = labels_of(root)
    folders = [options.only] if options.only else FOLDERS
    files = [file for folder in folders for file in sorted((root / folder).glob("test_*.py"))]
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = tuple(pool.map(lambda file: _run(file, python, options.expression), files))

    score = _judge(runs, labels, everything=options.expression is None)
    print("\n".join(_render(score, runs)))
    return 1 if any(run.error for run in runs) else 0


def labels_of(root: Path) -> dict[str, Any]:
    """Return what the specimens of a folder should be said to leak."""
    return tomllib.loads((root / "labels.toml").read_text(encoding="utf-8"))


def _run(file: Path, python: str, expression: str | None) -> FileRun:
    root = file.parent.parent
    name = file.relative_to(root).as_posix()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [python, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=line", "-rs"]
        command += ["--leak-check", f"--leak-report=json:{report}", name]
        command += ["-k", expression] if expression else []
        try:
            done = subprocess.run(
                command,
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LONGEST_RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return FileRun(name, error=f"did not end within {LONGEST_RUN_SECONDS} s")
        printed = done.stdout.decode(errors="replace")
        if done.returncode == NOTHING_SELECTED:
            reason = re.search(r"^SKIPPED \[\d+\] [^ ]+: (.*)", printed, re.MULTILINE)
            return FileRun(name, skipped=reason and reason[1])
        if done.returncode not in RAN:
            lines = printed.strip().splitlines()
            return FileRun(name, error=f"exit {done.returncode}: {' / '.join(lines[-3:])}")
        try:
            tests = json.loads(report.read_text(encoding="utf-8"))["tests"]
        except (OSError, ValueError, LookupError) as error:
            return FileRun(name, error=f"no usable report: {error!r}")
    return FileRun(name, tests=tuple(tests), root=root)


def _judge(runs: Iterable[FileRun], labels: dict[str, Any], *, everything: bool) -> Score:
    score = Score()
    wanted: dict[str, list[dict[str, Any]]] = {}
    for label in labels["leak"]:
        wanted.setdefault(label["test"], []).append(label)
    reasons = {innocent["test"]: innocent["why"] for innocent in labels.get("innocent", ())}
    for run in runs:
        reported = {_node(test["nodeid"]): test for test in run.tests}
        if everything and run.error is None and run.skipped is None:
            for missing in wanted:
                if missing.startswith(f"{run.file}::") and missing not in reported:
                    score.add("caught", success=False)
                    score.miss(missing, "caught", "leak", "no entry in the report")
        for name, test in reported.items():
            score.seconds += test.get("seconds") or 0
            score.executions.setdefault(test["verdict"], []).append(test.get("executions") or 0)
            if name in wanted:
                _judge_leak(score, name, test, wanted[name], run.root)
            else:
                _judge_innocent(score, name, test, reasons.get(name, "sound"))
    return score


def _judge_leak(
    score: Score, name: str, test: dict[str, Any], labels: list[dict[str, Any]], root: Path
) -> None:
    findings = test.get("findings") or []
    score.add("leaks inconclusive", success=test["verdict"] == "inconclusive")
    if not score.add("caught", success=test["verdict"] == "leak"):
        score.miss(name, "caught", "leak", _verdict(test))
        return
    score.surplus_findings += max(0, len(findings) - len(labels))
    for label in labels:
        # The finding that is about this label: at its holder, else about its type, else the first.
        holders = [label["holder"], *label.get("holder_also", ())]
        types = [label["type"], *label.get("type_also", ())]
        at_holder = [f for f in findings if _same_holder(f.get("holder"), holders)]
        of_type = [f for f in findings if _same_type(f.get("type"), types)]
        finding: dict[str, Any] = next((f for f in at_holder if f in of_type), {}) or next(
            iter(at_holder or of_type or findings), {}
        )
        _compare(score, name, label, finding, bool(at_holder), _resources(test), root)


def _compare(  # noqa: PLR0913 - one row of the table, column by column
    score: Score,
    name: str,
    label: dict[str, Any],
    finding: dict[str, Any],
    holder_is_right: bool,
    resources: str,
    root: Path,
) -> None:
    if not score.add("holder right", holder_is_right):
        expected = label["holder"] or "no holder"
        score.miss(name, "holder", expected, finding.get("holder") or "no holder")

    frames = finding.get("allocated") or [{}]
    sites = [label["allocated"], *label.get("allocated_also", ())]
    if not score.add("allocation right", any(_same_site(frames[0], site, root) for site in sites)):
        got = f"{frames[0].get('file')}:{frames[0].get('function')}"
        score.miss(name, "allocation", label["allocated"], got)

    types = [label["type"], *label.get("type_also", ())]
    if not score.add("type right", _same_type(finding.get("type"), types)):
        score.miss(name, "type", label["type"], finding.get("type"))

    # Other objects than the main one may come in other numbers.
    if _same_type(finding.get("type"), types[:1]):
        per_run = finding.get("objects_per_run") or 0
        close = abs(per_run - label["per_run"]) <= 0.2 * label["per_run"]
        if not score.add("per run right", close):
            score.miss(name, "per run", label["per_run"], per_run)

    patterns = [label["pattern"], *label.get("pattern_also", ())]
    told = str(finding.get("pattern") or "").split(":")[0].strip().casefold()
    if not score.add("pattern right", told in patterns):
        score.miss(name, "pattern", label["pattern"], told or "no pattern")

    resource = label.get("resource")
    if resource and not score.add("resource told", resource in resources):
        score.miss(name, "resource", resource, resources)


def _judge_innocent(score: Score, name: str, test: dict[str, Any], why: str) -> None:
    verdict = test["verdict"]
    if score.add("innocents unchecked", success=verdict == "unchecked"):
        score.misses.append(f"unchecked: {name}: {test.get('reason')}")
        return
    accused = score.add("innocents accused", success=verdict in {"leak", "known"})
    undecided = score.add("innocents inconclusive", success=verdict == "inconclusive")
    if accused or undecided:
        holders = [finding.get("holder") for finding in test.get("findings") or ()]
        expected = "clean or bounded" if why == "sound" else f"clean or bounded ({why})"
        got = f"{_verdict(test)}{f', holders {holders}' if holders else ''}"
        score.miss(name, "accused" if accused else "inconclusive", expected, got)


def _verdict(test: dict[str, Any]) -> str:
    reason = test.get("reason")
    return f"{test['verdict']} ({reason})" if reason else str(test["verdict"])


def _resources(test: dict[str, Any]) -> str:
    """All that the entry says about which counters grew, as text to look a name up in."""
    growth = test.get("growth")
    if isinstance(growth, dict):
        growth = [name for name, amount in growth.items() if amount]
    return json.dumps(growth)


def _node(nodeid: str) -> str:
    """The node id from its folder on, whatever directory pytest took for its root."""
    found = re.search(rf"(?:^|/)((?:{'|'.join(FOLDERS)})/.*)", nodeid)
    return found[1] if found else nodeid


def _names(holder: str) -> tuple[str, ...]:
    """The names and keys on a path, without plumbing and without positions in sequences."""
    tokens = re.findall(r"'([^']*)'|\"([^\"]*)\"|([A-Za-z_]\w*)|\[(?:\d+|\*)\]", holder)
    names = ("".join(token) for token in tokens)
    return tuple(name for name in names if name and name not in PLUMBING)


def _same_holder(got: str | None, wanted: Iterable[str]) -> bool:
    for holder in wanted:
        if not holder:
            if not got or got.startswith(("no ", "none", "unknown")):
                return True
        elif holder.startswith("thread "):
            if holder.removeprefix("thread ") in (got or ""):
                return True
        elif got and _names(got) == _names(holder):
            return True
    return False


def _same_type(got: str | None, wanted: Iterable[str]) -> bool:
    """Compare the last part of dotted names: some types live elsewhere than they say."""
    told = str(got or "").rsplit(".", 1)[-1].strip("<>'")
    return any(told == kind.rsplit(".", 1)[-1] for kind in wanted)


def _same_site(frame: dict[str, Any], site: str, root: Path) -> bool:
    file, function = site.rsplit(":", 1)
    got = str(frame.get("file") or "").replace("\\", "/")
    if not got.endswith(file):
        return False
    function = function.rsplit(".", 1)[-1]
    named = [part for part in str(frame.get("function") or "").split(".") if part not in NAMELESS]
    if named and named[-1] == function:
        return True
    # A comprehension, or a report without qualified names: look where the line is.
    line = frame.get("line")
    return line is not None and function in _functions_around(root, file, line)


@functools.cache
def _functions_of(root: Path, file: str) -> tuple[tuple[int, int, str], ...]:
    places = (root / file, root / "app" / file)
    path = next((place for place in places if place.exists()), None)
    if path is None:
        return ()  # a line of some package
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return tuple(
        (node.lineno, node.end_lineno or node.lineno, node.name)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def _functions_around(root: Path, file: str, line: int) -> Iterator[str]:
    """The innermost function that has the line in its body (its ``def`` line is outside)."""
    around = [found for found in _functions_of(root, file) if found[0] < line <= found[1]]
    if around:
        yield max(around)[2]


def _render(score: Score, runs: Iterable[FileRun]) -> Iterator[str]:
    yield from sorted(score.misses)
    for run in runs:
        if run.error:
            yield f"not run: {run.file}: {run.error}"
        if run.skipped:
            yield f"skipped: {run.file}: {run.skipped}"
    yield ""
    for what, (successes, trials) in score.counts.items():
        yield f"{what:24} {successes:4} of {trials:4}  {100 * successes / trials:5.1f} %"
    yield f"{'surplus findings':24} {score.surplus_findings:4}"
    yield f"{'seconds of re-runs':24} {score.seconds:4.0f}"
    for verdict, executions in sorted(score.executions.items()):
        common = ", ".join(f"{n} x{times}" for n, times in Counter(executions).most_common(4))
        yield (
            f"executions, {verdict:12} {len(executions):4} tests, {min(executions)} to"
            f" {max(executions)}, mean {sum(executions) / len(executions):.1f}; {common}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
