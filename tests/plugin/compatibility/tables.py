"""How do the documentation's tables say what came out as it should, and what was not tried?"""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from .rows import INTERPRETERS, SECTIONS
from .scenarios import SCENARIOS

_PLUGINS = "| tier | plugin | version | result |\n| --- | --- | --- | --- |\n"
_ROWS = "| {title} | tests | result |\n| --- | --- | --- |\n"
_TITLES = {"kinds": "kind of test", "options": "option of pytest", "starts": "way of starting"}
_RAN_ON = "| interpreter | tried with | tests passed | result |\n| --- | --- | --- | --- |\n"
_WORDS = {"passed": "works", "failed": "**fails**", "skipped": "not tried"}


def note_rows(items: Iterable[pytest.Item]) -> None:
    """Let the reports of marked tests say which rows they are for.

    Raises:
        pytest.UsageError: A mark names a row that no table has.
    """
    for item in items:
        for mark in item.iter_markers("row"):
            section, *names = mark.args
            unknown = {*names} - {*SECTIONS.get(section, ())}
            if unknown:
                raise pytest.UsageError(f"{item.nodeid}: no such rows of {section}: {unknown}")
            difference = mark.kwargs.get("difference", "")
            item.user_properties += [("row", [section, name, difference]) for name in names]


def write_tables(folder: Path, reports: Mapping[str, Iterable[pytest.TestReport]]) -> None:
    """Write the tables of a session that tried all: plugins, kinds, options and ways of starting.

    Args:
        folder: Where the tables are.
        reports: The session's reports, by outcome.
    """
    (folder / "compatibility-plugins.md").write_text(_plugins(reports), encoding="utf-8")
    for section, names in SECTIONS.items():
        text = _ROWS.format(title=_TITLES[section]) + "".join(_rows(section, names, reports))
        (folder / f"compatibility-{section}.md").write_text(text, encoding="utf-8")


def _plugins(reports: Mapping[str, Iterable[pytest.TestReport]]) -> str:
    tried = {}
    for outcome in _WORDS:
        for report in reports.get(outcome, ()):
            told = dict(report.user_properties)
            if "scenario" in told:
                tried[told["scenario"]] = (told["version"], outcome)
    lines = []
    for scenario in SCENARIOS:
        version, outcome = tried.get(scenario.name, ("", "skipped"))
        result = _result(outcome, scenario.difference)
        lines.append(f"| {scenario.tier} | {scenario.name} | {version} | {result} |\n")
    return _PLUGINS + "".join(lines)


def _rows(
    section: str, names: Iterable[str], reports: Mapping[str, Iterable[pytest.TestReport]]
) -> Iterable[str]:
    for name in names:
        outcomes: list[str] = []
        differences: dict[str, None] = {}
        for outcome in ("failed", "error", "passed"):
            for report in reports.get(outcome, ()):
                for key, value in report.user_properties:
                    if key == "row" and value[:2] == [section, name]:
                        outcomes.append("passed" if outcome == "passed" else "failed")
                        differences.update(dict.fromkeys(filter(None, value[2:])))
        result = _result(outcomes[0] if outcomes else "skipped", "; ".join(differences))
        yield f"| {name} | {len(outcomes)} | {result} |\n"


def _result(outcome: str, difference: str) -> str:
    return ": ".join(filter(None, [_WORDS[outcome], difference]))


def write_interpreter(path: Path, reports: Mapping[str, Iterable[pytest.TestReport]]) -> None:
    """Write the row of the interpreter that runs this, and leave the others' as they are.

    Args:
        path: The table.
        reports: The session's reports, by outcome.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = {line.split("|")[1].strip(): f"{line}\n" for line in lines[2:]}
    counts = {outcome: len([*reports.get(outcome, ())]) for outcome in ("passed", "failed")}
    counts["failed"] += len([*reports.get("error", ())])
    name = _interpreter()
    version = f"{platform.python_version()}, pytest {pytest.__version__}"
    outcome = "failed" if counts["failed"] else "passed"
    result = _result(outcome, INTERPRETERS.get(name, ""))
    total = sum(counts.values())
    rows[name] = f"| {name} | {version} | {counts['passed']} of {total} | {result} |\n"
    for other, difference in INTERPRETERS.items():
        rows.setdefault(other, f"| {other} | | | {_result('skipped', difference)} |\n")
    ordered = sorted(rows, key=lambda row: [*INTERPRETERS, row].index(row))
    path.write_text(_RAN_ON + "".join(rows[row] for row in ordered), encoding="utf-8")


def _interpreter() -> str:
    name = f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"
    if hasattr(sys, "gettotalrefcount"):
        name += ", debug build"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        name += ", free-threaded"
    return name
