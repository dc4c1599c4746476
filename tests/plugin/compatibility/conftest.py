"""Write down with what came out as it should: the documentation's table of plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scenarios import SCENARIOS

_HEAD = "| tier | plugin | version | result |\n| --- | --- | --- | --- |\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-table", type=Path, metavar="PATH", help="write the plugins' table")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if (path := config.getoption("--write-table")) is None:
        return
    rows = {}
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            told = dict(report.user_properties)
            if "scenario" in told:
                rows[told["scenario"]] = (told["version"], outcome)
    lines = []
    for scenario in SCENARIOS:
        version, outcome = rows.get(scenario.name, ("", "skipped"))
        works = {"passed": "works", "failed": "**fails**", "skipped": "not tried"}[outcome]
        said = f"{works}: {scenario.difference}" if scenario.difference else works
        lines.append(f"| {scenario.tier} | {scenario.name} | {version} | {said} |\n")
    path.write_text(_HEAD + "".join(lines), encoding="utf-8")
