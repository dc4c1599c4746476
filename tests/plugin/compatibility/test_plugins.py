"""Do sessions with the plugins that people have come out as they do without the checks?

Scenarios whose plugin is not installed are skipped: ``tox -e compatibility`` installs all, and
writes the tables of the documentation.
"""

from __future__ import annotations

import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, version

import pytest

from .scenarios import SCENARIOS, TWINS, Scenario


def _outcomes(session) -> Counter[tuple[str, str, str]]:
    return Counter(session.reports)


def _name(nodeid: str) -> str:
    return nodeid.rpartition("::")[2]


def _marks(scenario: Scenario) -> list[pytest.MarkDecorator]:
    return [pytest.mark.row("kinds", *scenario.kinds)]


@pytest.fixture(params=[pytest.param(one, marks=_marks(one), id=one.name) for one in SCENARIOS])
def scenario(request, record_property) -> Scenario:
    found: Scenario = request.param
    try:
        versions = [version(package) for package in found.packages]
    except PackageNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    record_property("scenario", found.name)
    record_property("version", versions[0])
    return found


def test_outcomes_are_those_of_a_plain_session_and_verdicts_are_right(lab, scenario, monkeypatch):
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):  # plugins look at them
        monkeypatch.delenv(name, raising=False)
    files = dict(scenario.files)
    files["test_it.py"] += TWINS
    lab.write(files)

    plain = lab.plain(*scenario.options, plugins=scenario.plugins)
    checked = lab.checked(*scenario.options, plugins=scenario.plugins)

    verdicts = {**scenario.twins, **scenario.verdicts}
    seen = lab.verdicts()
    assert {name: seen[name] for name in verdicts} == verdicts, lab.grounds()
    leaking = {name for name, verdict in seen.items() if verdict == "leak"}
    assert leaking == {name for name, verdict in verdicts.items() if verdict == "leak"}
    expected = Counter(
        (name, when, "failed" if name in leaking and when == "call" else outcome)
        for name, when, outcome in plain.reports
    )
    assert _outcomes(checked) == expected
    assert checked.ret == (1 if leaking or scenario.prevents else plain.ret)
    for pattern in scenario.told:
        assert re.search(pattern, checked.raw), pattern
    for path, pattern in scenario.written.items():
        texts = [file.read_text(encoding="utf-8") for file in lab.path.glob(path)]
        assert any(re.search(pattern, text) for text in texts), path
