"""A session and what it has found, for the tests of whatever tells of sessions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_leakguard.model import Finding, Frame, Result, Step
from pytest_leakguard.monitored import (
    Collections,
    Curve,
    Growing,
    Monitored,
    MonitorWarning,
)
from pytest_leakguard.reports import SelfCheck, SessionFacts, TestOutcome

ROOT = Path("/project")


def frame(file: str, line: int, function: str) -> Frame:
    return Frame(file=file, line=line, function=function, source=f"{function}()")


SUBSCRIPTION = Finding(
    type="bus.Subscription",
    objects_per_run=1,
    bytes_per_run=272,
    holder="bus.default._subs['tea']",
    path=(
        Step(via="bus.default", type="bus.Bus"),
        Step(via="._subs['tea']", type="list"),
        Step(via="[*]", type="bus.Subscription"),
    ),
    allocated=(
        frame("/usr/lib/python3/functools.py", 9, "cached"),
        frame("/project/.venv/lib/python3/site-packages/lib/core.py", 3, "make"),
        frame("/project/bus/bus.py", 88, "Bus.subscribe"),
        frame("/project/tests/test_bus.py", 44, "test_subscribe"),
    ),
    grown=(frame("/project/bus/bus.py", 91, "Bus.subscribe"),),
    pattern="event listener",
    meaning="subscribed on every run, never unsubscribed",
    advice="unsubscribe on teardown",
    fingerprint="7f3c9a1e",
    status="new",
)
KNOWN = Finding(
    type="list",
    objects_per_run=2,
    bytes_per_run=128,
    holder="shop.cache",
    allocated=(frame("/project/shop.py", 5, "look_up"),),
    fingerprint="00c0ffee",
    status="known",
    status_reason="by design",
)
HOSTILE = Finding(
    type="<img src=x onerror=alert(1)>",
    objects_per_run=0,
    bytes_per_run=1536,
    holder="a|b['```']\n::error::[x](javascript:alert(1))%0A",
    allocated=(frame("/project/näme with blank,:%.py", 7, "<lambda>"),),
    pattern="in place",
    fingerprint="deadbeef",
    status="worse",
    status_reason="more than the 1 KiB per run recorded in leakguard.toml:4: because\nof | it",
)


def outcome(nodeid: str, *findings: Finding, verdict: str = "leak", **more: object) -> TestOutcome:
    result = Result(verdict=verdict, executions=59, findings=findings, **more)
    return TestOutcome(nodeid=nodeid, kind="suite", result=result)


def facts(*tests: TestOutcome, counters: tuple[str, ...] = ("gc_objects",)) -> SessionFacts:
    return SessionFacts(
        mode="all",
        python="3.11.7",
        pytest="9.2.0",
        platform="Linux",
        counters=counters,
        self_check=SelfCheck(),
        executions=sum(test.result.executions for test in tests),
        extra_seconds=2.5,
        tests=tests,
        whole=True,
    )


FACTS = facts(
    outcome("tests/test_bus.py::test_subscribe", replace(SUBSCRIPTION, objects_per_run=0.5)),
    outcome("tests/test_bus.py::test_again", SUBSCRIPTION, KNOWN),
    outcome("tests/test_shop.py::test_cache", KNOWN, verdict="known", reason="by design"),
    outcome("tests/test_odd.py::test_odd[a|b]", HOSTILE),
    outcome("tests/test_native.py::test_malloc", growth={"native_bytes": 512.0}),
    outcome("tests/test_b.py::test_slow", verdict="inconclusive", reason="fails on re-run"),
    outcome("tests/test_c.py::test_clean", verdict="clean"),
)
EMPTY = facts(outcome("tests/test_c.py::test_clean", verdict="clean"))
WATCHED = Monitored(
    process="gw1",
    seconds=12.5,
    tests=300,
    measured=300,
    cost_seconds=0.05,
    curve=Curve(
        seconds=(0.0, 6.0, 12.5),
        tests=(0, 150, 300),
        series={"rss_bytes": (50_000_000, None, 60_000_000), "fds": (9, 9, 9)},
        peaks={"rss_bytes": 60_000_000, "fds": 9},
        peak_tests={"rss_bytes": "tests/test_bus.py::test_again", "fds": ""},
    ),
    growing=(
        Growing(
            holder="bus.<img src=x>",
            type="list",
            items=300,
            gained=300,
            per_test=1.0,
            began_after="tests/test_bus.py::test_subscribe",
            tests=290,
            watched=290,
            steady=True,
        ),
    ),
    collections=Collections(runs=(30, 3, 1), pause_seconds=0.25),
    warnings=(MonitorWarning(kind="steady growth", text="bus.<img src=x> gained 300 items"),),
)
