"""What came of a suite? Its runs compared, as one value that is kept as JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, TypedDict

from .runs import ModeRun, junit_name

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from pathlib import Path

    from .suites import Suite


class Group(TypedDict):
    """All findings of a suite with the same holder and type: most likely one cause."""

    holder: str
    type: str
    tests: int
    rates: list[float]  # the distinct objects per run that its tests saw, smallest first


class Result(TypedDict):
    """Everything the tables need to know of one suite."""

    suite: Suite
    tests: int
    exit_codes: dict[str, int | None]  # by mode; None when the time limit ended the run
    seconds: dict[str, float]  # wall time by mode
    unused: list[str]  # the tests whose outcome differs from the plain run's
    checked: list[str]  # the same, without those whose verdict is *leak*: they have to fail
    together: list[str]  # as `checked`, of two processes at once, against a plain run of two
    texts: list[str]  # the tests of which the JUnit file says something else, in either mode
    coverage: list[str]  # the lines and branches run when checked and never plainly, or reverse
    apart: list[str]  # the tests whose verdict is another one in two processes than in one, but
    # for those whose plain outcome is another one, too
    verdicts: dict[str, int]  # tests by verdict; empty when there was no report
    executions: int  # of all tests together, each one's first run included
    groups: list[Group]


class Tested(TypedDict):
    """The part of a test in the plugin's report that is read here."""

    nodeid: str
    verdict: str
    executions: int
    growth: dict[str, float | None]  # None where a counter was not read
    findings: list[dict[str, str | float | None]]


def compare(suite: Suite, runs: Mapping[str, ModeRun], reports: Mapping[str, Path]) -> Result:
    """Compare the runs of a suite: `plain`, `unused`, `checked`, `covered` and `together`."""
    tests, together = (_read_tests(reports[mode]) for mode in ("checked", "together"))
    leaking = {junit_name(test["nodeid"]) for test in tests if test["verdict"] == "leak"}
    leaking |= {junit_name(test["nodeid"]) for test in together if test["verdict"] == "leak"}
    plain, pair = runs["plain"], runs["covered"]
    restless = {test for test in plain.texts if plain.texts[test] != runs["unused"].texts.get(test)}
    other = {*leaking, *restless}
    # What fails in two processes even plainly, such as what xdist cannot send, is not judged there.
    moved = {test for test in plain.outcomes if plain.outcomes[test] != pair.outcomes.get(test)}
    texts = [
        *different_texts(plain, runs["checked"], without=other),
        *different_texts(pair, runs["together"], without=other),
    ]
    return Result(
        suite=suite,
        tests=len(plain.outcomes),
        exit_codes={mode: run.exit_code for mode, run in runs.items()},
        seconds={mode: round(run.seconds, 2) for mode, run in runs.items()},
        unused=differences(plain.outcomes, runs["unused"].outcomes),
        checked=differences(plain.outcomes, runs["checked"].outcomes, without=leaking),
        together=differences(pair.outcomes, runs["together"].outcomes, without=leaking),
        texts=sorted({*texts}),
        coverage=different_coverage(
            [run for mode, run in runs.items() if mode.startswith("covered")], runs["together"]
        ),
        apart=differences(
            {test["nodeid"]: test["verdict"] for test in tests},
            {test["nodeid"]: test["verdict"] for test in together},
            without={test["nodeid"] for test in tests if junit_name(test["nodeid"]) in moved},
        ),
        verdicts=Counter(test["verdict"] for test in tests),
        executions=sum(test["executions"] for test in tests),
        groups=group(tests),
    )


def differences(
    plain: Mapping[str, str], other: Mapping[str, str], without: Container[str] = ()
) -> list[str]:
    """Name every test that two runs do not agree about, with both outcomes."""
    pairs = {test: (plain.get(test), other.get(test)) for test in sorted({*plain, *other})}
    unequal = {test: pair for test, pair in pairs.items() if pair[0] != pair[1]}
    return [f"{test} ({a} -> {b})" for test, (a, b) in unequal.items() if test not in without]


def different_texts(plain: ModeRun, other: ModeRun, without: Container[str]) -> list[str]:
    """Name every test of which the JUnit files of two runs say something else."""
    both = plain.texts.keys() & other.texts.keys()
    unequal = (test for test in both if plain.texts[test] != other.texts[test])
    return [test for test in unequal if test not in without]


def different_coverage(plain: Sequence[ModeRun], other: ModeRun) -> list[str]:
    """Name every line and branch that all plain runs have run and the other has not, or reverse."""
    named: list[str] = []
    for file in sorted({*other.coverage}.union(*(run.coverage for run in plain))):
        before = [{*run.coverage.get(file, ())} for run in plain]
        checked = {*other.coverage.get(file, ())}
        only_plain = set.intersection(*before) - checked
        only_checked = checked.difference(*before)
        named += [f"{file}:{line} (only plain)" for line in sorted(only_plain)]
        named += [f"{file}:{line} (only checked)" for line in sorted(only_checked)]
    return named


def _read_tests(report: Path) -> list[Tested]:
    tests: list[Tested] = json.loads(report.read_text())["tests"] if report.exists() else []
    return tests


def group(tests: Iterable[Tested]) -> list[Group]:
    """Group findings by holder and type, those seen by most tests first.

    A leaking test without a finding is grouped by the counters that grew.
    """
    seen: dict[tuple[str, str], dict[str, set[float]]] = defaultdict(lambda: defaultdict(set))
    for test in tests:
        for one in test["findings"]:
            of_test = seen[str(one["holder"]), str(one["type"])][test["nodeid"]]
            of_test.add(float(one["objects_per_run"] or 0))
        if test["verdict"] == "leak" and not test["findings"]:
            grown = {name: rate for name, rate in test["growth"].items() if rate}
            seen["no finding", ", ".join(sorted(grown))][test["nodeid"]] |= {*grown.values()}
    groups: list[Group] = []
    for (holder, kind), tests_of in sorted(seen.items(), key=lambda one: (-len(one[1]), one[0])):
        rates = set[float]().union(*tests_of.values())
        groups.append(Group(holder=holder, type=kind, tests=len(tests_of), rates=sorted(rates)))
    return groups
