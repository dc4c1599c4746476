"""Is a session held against an earlier one by what it has seen, and no more?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pytest_leakguard.baseline import Baseline, Comparison, compare, read_base
from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.model import Finding, Result
from pytest_leakguard.reports import SelfCheck, SessionFacts, TestOutcome
from pytest_leakguard.reports.json import render_json

LISTENER = Finding(
    type="bus.Subscription",
    objects_per_run=2,
    bytes_per_run=272,
    holder="bus.default._subs",
    fingerprint="7f3c9a1e",
)
IN_PLACE = Finding(
    type="bytearray",
    objects_per_run=0,
    bytes_per_run=1000,
    holder="shop.buffer",
    fingerprint="00c0ffee",
)
CLEAN = Result(verdict="clean", executions=5)
UNJUDGED = Result(verdict="unchecked", reason="the test did not pass", executions=1)
NATIVE = Result(verdict="leak", executions=59, growth={"native_bytes": 512.0})


def leak(*findings: Finding) -> Result:
    return Result(verdict="leak", executions=59, findings=findings)


@pytest.fixture
def base_of(tmp_path):
    """Write a session's report, and read it as the base."""

    def make(**results: Result):
        tests = tuple(
            TestOutcome(nodeid=nodeid, kind="suite", result=result)
            for nodeid, result in results.items()
        )
        facts = SessionFacts(
            mode="all",
            python="3.11",
            pytest="9",
            platform="Linux",
            counters=(),
            self_check=SelfCheck(),
            executions=1,
            extra_seconds=0.0,
            tests=tests,
        )
        path = tmp_path / "base.json"
        path.write_text(render_json(facts, Path("/project")), encoding="utf-8")
        return read_base(path, "base.json", "--leak-compare")

    return make


def verdict_of(base, result: Result) -> Result:
    baseline = Baseline(
        entries=(), base=base.entries, file="leakguard.toml", today=date(2030, 1, 1)
    )
    return baseline.apply("a", result)


def told(comparison: Comparison) -> dict[str, int]:
    sorts = ("new", "worse", "same", "better", "gone")
    return {name: len(getattr(comparison, name)) for name in sorts if getattr(comparison, name)}


@pytest.mark.parametrize(
    ("now", "sort", "verdict"),
    [
        (LISTENER, "same", "known"),
        (replace(LISTENER, bytes_per_run=4000), "same", "known"),
        (replace(LISTENER, objects_per_run=2.2), "worse", "leak"),
        (replace(LISTENER, objects_per_run=3), "worse", "leak"),
        (replace(LISTENER, objects_per_run=1), "better", "known"),
        (replace(LISTENER, fingerprint="11111111"), "new", "leak"),
        (replace(IN_PLACE, bytes_per_run=1200), "same", "known"),
        (replace(IN_PLACE, bytes_per_run=1300), "worse", "leak"),
        (replace(IN_PLACE, bytes_per_run=700), "better", "known"),
        (replace(IN_PLACE, objects_per_run=1), "worse", "leak"),
    ],
)
def test_a_cause_is_sorted_by_how_fast_it_grows(base_of, now, sort, verdict):
    base = base_of(a=leak(LISTENER, IN_PLACE))

    compared = compare(base, [("a", leak(now))], whole=False)

    assert told(compared) == {sort: 1}
    assert verdict_of(base, leak(now)).verdict == verdict


def test_what_a_known_leak_of_the_base_grows_counts_as_well(base_of):
    base = base_of(a=replace(leak(LISTENER), verdict="known"))

    judged = verdict_of(base, leak(LISTENER))

    assert (judged.verdict, judged.reason) == ("known", "the same in base.json")


def test_growth_without_a_cause_is_compared_by_its_test(base_of):
    base = base_of(a=NATIVE)

    assert verdict_of(base, NATIVE).verdict == "known"
    assert verdict_of(base, leak(LISTENER)).verdict == "leak"
    faster = replace(NATIVE, growth={"native_bytes": 4096.0})
    assert verdict_of(base, faster).verdict == "leak"
    assert told(compare(base, [("a", NATIVE)], whole=True)) == {"same": 1}
    assert told(compare(base, [("a", CLEAN)], whole=False)) == {"gone": 1}


def test_what_is_gone_is_told_only_where_it_would_have_been_seen(base_of):
    base = base_of(a=leak(LISTENER))

    assert compare(base, [("a", CLEAN)], whole=True).gone == (
        "bus.Subscription held by bus.default._subs",
    )
    assert told(compare(base, [("a", CLEAN)], whole=False)) == {}
    assert told(compare(base, [("a", UNJUDGED)], whole=True)) == {}
    assert told(compare(base, [("a", CLEAN), ("b", leak(LISTENER))], whole=True)) == {"same": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Expecting property name"),
        ("[]", "its schema is None"),
        (json.dumps({"schema": 2, "tests": []}), "its schema is 2"),
        (json.dumps({"schema": 1}), "KeyError: 'tests'"),
        (json.dumps({"schema": 1, "tests": [{"verdict": "leak"}]}), "KeyError: 'findings'"),
        (json.dumps({"schema": 1, "tests": [1]}), "TypeError"),
    ],
)
def test_another_file_is_refused(tmp_path, text, said):
    path = tmp_path / "base.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidSettingError) as refused:
        read_base(path, "base.json", "--leak-compare")

    assert str(refused.value).startswith("--leak-compare: expected a report that --leak-report")
    assert said in str(refused.value)
    with pytest.raises(InvalidSettingError, match="No such file"):
        read_base(tmp_path / "none.json", "none.json", "--leak-compare")
