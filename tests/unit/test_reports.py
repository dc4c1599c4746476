"""Do renderers write what they are given, and nothing else? Golden texts and the JSON Schema.

``pytest tests/unit/test_reports.py`` with ``REWRITE_GOLDEN=1`` in the environment rewrites the
golden files.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import pytest_leakguard.reports
from pytest_leakguard.model import VERDICTS, Bound, Finding, Frame, NativeFrame, Result, Share, Step
from pytest_leakguard.reports import SelfCheck, SessionFacts, TestOutcome
from pytest_leakguard.reports.json import render_json
from pytest_leakguard.reports.summary import summary_line, summary_lists
from pytest_leakguard.reports.text import failure_page, one_sentence
from pytest_leakguard.settings import Settings

GOLDEN = Path(__file__).parent.parent / "golden"
ROOT = Path("/project")
SCHEMA = json.loads(
    Path(pytest_leakguard.reports.__file__).with_name("schema.json").read_text(encoding="utf-8")
)


def check_golden(name: str, text: str) -> None:
    """Compare a text with its golden file, whole."""
    path = GOLDEN / name
    if os.environ.get("REWRITE_GOLDEN"):
        path.write_text(f"{text}\n", encoding="utf-8")

    assert f"{text}\n" == path.read_text(encoding="utf-8")


def frame(file: str, line: int, function: str, source: str) -> Frame:
    return Frame(file=file, line=line, function=function, source=source)


FINDING = Finding(
    type="myapp.bus.Subscription",
    objects_per_run=1,
    bytes_per_run=272,
    holder="myapp.bus.default_bus._subs['price']",
    path=(
        Step(via="myapp.bus.default_bus", type="myapp.bus.EventBus"),
        Step(via="._subs", type="dict"),
        Step(via="['price']", type="list"),
        Step(via="[*]", type="myapp.bus.Subscription"),
    ),
    allocated=(
        frame("/project/myapp/bus.py", 88, "EventBus.subscribe", "sub = Subscription(topic, cb)"),
        frame("/project/tests/test_bus.py", 44, "test_subscribe", "bus.subscribe('price', f)"),
    ),
    grown=(
        frame("/project/myapp/bus.py", 91, "EventBus.subscribe", "self._subs[topic].append(sub)"),
    ),
    held=(Share(type="function", objects_per_run=1, bytes_per_run=64),),
    note="made in run 9, alive after run 26",
    advice="keep the handler and remove it on teardown; or subscribe weakly",
    fingerprint="7f3c9a1e",
)
LEAK = Result(
    verdict="leak",
    executions=26,
    seconds=1.5,
    growth={"gc_objects": 2, "blocks": 3, "traced_bytes": 336, "fds": 0, "threads": None},
    series={"gc_objects": (100, 110, 124, 146)},
    findings=(FINDING,),
    evidence="gc_objects: 5, 7, 11 more runs grew by 10, 14, 22: exactly 2 per run",
)
MANY = Result(
    verdict="leak",
    executions=26,
    growth={"gc_objects": 0, "blocks": 1.5, "native_bytes": 4096, "fds": 1, "threads": 2},
    findings=tuple(
        Finding(
            type="socket.socket",
            objects_per_run=0.5,
            bytes_per_run=1536,
            holder=f"thread 'worker-{number}'",
            held=tuple(
                Share(type=f"app.Type{part}", objects_per_run=part, bytes_per_run=2048)
                for part in range(1, 6)
            ),
            note="no path was found",
            bound=Bound(text="deque: 3 of 10 items" if number == 1 else ""),
            allocated=tuple(
                frame(
                    "<frozen importlib._bootstrap>" if line == 2 else "/elsewhere/lib.py",
                    line,
                    "call",
                    "",
                )
                for line in range(1, 7)
            ),
            pattern="socket: opened and not closed",
            fingerprint=f"0000000{number}",
        )
        for number in range(1, 6)
    ),
)
LONG_PATH = Result(
    verdict="leak",
    executions=26,
    growth={"gc_objects": 1},
    findings=(
        Finding(
            type="app.Thing",
            objects_per_run=1,
            bytes_per_run=48,
            holder="app.a.b.c.d.e.f.g.h.i",
            path=(
                Step(via="app.a", type="app.A"),
                *(Step(via=f".{name}", type="app.Node") for name in "bcdefghi"),
                Step(via="[*]", type="app.Thing"),
            ),
            fingerprint="89abcdef",
        ),
    ),
)
LARGE = Result(
    verdict="leak",
    executions=52,
    growth={"gc_objects": 15},
    findings=tuple(
        replace(
            FINDING,
            fingerprint=f"0000000{number}",
            holder=f"app.registry_{number}.b.c.d.e.f.g.h.i",
            path=(
                Step(via=f"app.registry_{number}", type="app.A"),
                *LONG_PATH.findings[0].path[1:],
            ),
            held=MANY.findings[0].held,
            allocated=(*FINDING.allocated[:1], *MANY.findings[0].allocated),
            grown=(*FINDING.grown, *FINDING.allocated[:1], *MANY.findings[0].allocated),
            pattern="registry: filled on every run, never emptied",
        )
        for number in range(1, 6)
    ),
    evidence=LEAK.evidence,
)
NATIVE = Result(
    verdict="leak",
    executions=101,
    growth={"native_bytes": 3008},
    findings=(
        Finding(
            type="native memory",
            objects_per_run=0,
            bytes_per_run=3008,
            holder="this process",
            allocated=FINDING.allocated,
            native=(
                NativeFrame(function="grab", file="native.c", line=5, library="/project/native.so"),
                NativeFrame(function="", file="", line=0, library="/project/native.so"),
                *(
                    NativeFrame(function=name, file="", line=0, library="/usr/lib/libouter.so.1")
                    for name in ("inner", "middle", "outer")
                ),
            ),
            note="9 more runs; no Python object holds it",
            fingerprint="7c81b488",
        ),
    ),
)
INCONCLUSIVE = Result(
    verdict="inconclusive",
    reason="still growing, but not steadily, after 30 executions in 10.0 s",
    executions=30,
    series={"gc_objects": (5, 5, 5), "blocks": (100, 103, 101, 108)},
)


@pytest.mark.parametrize(
    ("name", "result", "settings"),
    [
        ("leak.txt", LEAK, Settings()),
        ("many_findings.txt", MANY, Settings(max_objects=2, max_bytes=4096)),
        ("large_findings.txt", LARGE, Settings()),
        ("long_path.txt", LONG_PATH, Settings(max_bytes=100)),
        ("native.txt", NATIVE, Settings()),
        ("inconclusive.txt", INCONCLUSIVE, Settings()),
        (
            "unchecked.txt",
            Result(verdict="unchecked", reason="an empty test is not flat"),
            Settings(),
        ),
    ],
)
def test_a_page_reads_as_its_golden_text(name, result, settings):
    page = failure_page(result, settings, where="tests/test_bus.py:41", root=ROOT)

    check_golden(name, page)


@pytest.mark.parametrize("result", [LEAK, MANY, LARGE, LONG_PATH, NATIVE, INCONCLUSIVE])
def test_a_page_begins_with_its_sentence_and_stays_short(result):
    page = failure_page(result, Settings(), where="tests/test_bus.py:41", root=ROOT).splitlines()

    assert page[0] == f"tests/test_bus.py:41: {one_sentence(result, Settings())}"
    assert len(page) <= 40


@pytest.mark.parametrize("result", [LEAK, MANY, LARGE, LONG_PATH, NATIVE, INCONCLUSIVE])
def test_a_page_is_plain_ascii_and_shows_no_frame_of_a_finding_twice(result):
    page = failure_page(result, Settings(), where="tests/test_bus.py:41", root=ROOT)

    findings = re.split(r"(?m)^ \[\d\] ", page)[1:]
    shown = [re.findall(r"\S+:\d+ in .*", finding) for finding in findings]
    assert page.isascii()
    assert [len(set(frames)) for frames in shown] == [len(frames) for frames in shown]


@pytest.mark.parametrize(
    ("grown", "lines"),
    [
        (FINDING.allocated, ["     grown at   the same line"]),
        (FINDING.allocated[1:], ["     grown at   tests/test_bus.py:44, a caller of it"]),
        ((), []),
    ],
    ids=["same line", "another line of the same call", "unknown"],
)
def test_where_a_holder_grew_is_not_written_again_if_it_stands_above(grown, lines):
    result = replace(LEAK, findings=(replace(FINDING, grown=grown),))

    page = failure_page(result, Settings(), where="tests/test_bus.py:41", root=ROOT)

    assert [line for line in page.splitlines() if "grown at" in line] == lines


def test_a_sentence_says_growth_limit_and_holder():
    assert one_sentence(LEAK, Settings(max_objects=1)) == (
        "leak: +2 objects, +272 B per run, over 26 runs (allowed: 1 object), held by"
        " myapp.bus.default_bus._subs['price']"
    )


def outcome(nodeid: str, kind: str, result: Result) -> TestOutcome:
    return TestOutcome(nodeid=nodeid, kind=kind, result=result)


FACTS = SessionFacts(
    mode="all",
    python="3.13.1",
    pytest="9.2.0",
    platform="Linux",
    counters=("gc_objects", "blocks", "fds"),
    self_check=SelfCheck(),
    executions=1234,
    extra_seconds=83.4567,
    tests=(
        outcome("test_bus.py::test_leak", "suite", LEAK),
        outcome("test_bus.py::test_many", "noleak", MANY),
        outcome("test_bus.py::test_native", "noleak", NATIVE),
        outcome(
            "test_bus.py::test_clean",
            "suite",
            Result(
                verdict="clean",
                executions=5,
                growth={"gc_objects": 0},
                series={"gc_objects": (7, 7)},
            ),
        ),
        outcome(
            "test_bus.py::test_known",
            "leaks",
            Result(
                verdict="known",
                reason="a cache (#3)",
                executions=40,
                not_isolated="thread 'server' runs, which a fork does not carry",
            ),
        ),
        outcome(
            "test_bus.py::test_bounded",
            "suite",
            Result(
                verdict="bounded",
                reason="functools.lru_cache: 51 of 128 entries",
                executions=40,
            ),
        ),
        outcome("test_bus.py::test_open[é]", "suite", INCONCLUSIVE),
        outcome(
            "test_bus.py::test_failed",
            "",
            Result(
                verdict="unchecked",
                reason="the test did not pass",
                executions=1,
            ),
        ),
    ),
)


def test_a_summary_reads_as_its_golden_text():
    check_golden("summary.txt", "\n".join([*summary_lists(FACTS, limit=10), summary_line(FACTS)]))


def test_a_summary_lists_up_to_its_limit_and_says_how_many_more():
    results = [Result(verdict="bounded", reason="a cache", executions=9)] * 13
    facts = SessionFacts(
        **{
            **{name: getattr(FACTS, name) for name in FACTS.__dataclass_fields__},
            "tests": tuple(outcome(f"test_{n}", "suite", one) for n, one in enumerate(results)),
        }
    )

    short = list(summary_lists(facts, limit=10))

    assert len(short) == 11
    assert short[-1] == "bounded: ... and 3 more (-v lists them)"
    assert len(list(summary_lists(facts, limit=None))) == 13


def test_nothing_is_summed_up_where_nothing_was_judged():
    facts = SessionFacts(
        **{
            **{name: getattr(FACTS, name) for name in FACTS.__dataclass_fields__},
            "tests": (outcome("test_x", "", Result(verdict="unchecked", reason="not run")),),
        }
    )

    assert summary_line(facts) == ""


def test_a_whole_suite_of_which_no_test_could_be_checked_is_told():
    facts = replace(
        FACTS,
        tests=(
            outcome("test_x", "", Result(verdict="unchecked", reason="debugged", executions=1)),
            outcome("test_y", "", Result(verdict="unchecked", reason="not run")),
        ),
    )

    assert summary_line(facts) == "leak check: 0 checked, 2 unchecked"
    assert summary_line(replace(facts, mode="marked")) == ""


def test_json_is_valid_by_its_schema_and_holds_every_test():
    document = json.loads(render_json(FACTS, ROOT))

    jsonschema.validate(document, SCHEMA)
    assert [test["nodeid"] for test in document["tests"]] == [test.nodeid for test in FACTS.tests]
    assert document["session"]["self_check"] == "flat"
    assert document["session"]["extra_seconds"] == 83.457
    finding = document["tests"][0]["findings"][0]
    assert finding["holder"] == FINDING.holder
    assert finding["allocated"][0]["file"] == "myapp/bus.py"
    assert finding["held"] == [{"type": "function", "objects_per_run": 1, "bytes_per_run": 64}]
    assert finding["note"] == FINDING.note
    assert document["tests"][1]["findings"][0]["capacity"] == "deque: 3 of 10 items"
    assert document["tests"][0]["growth"]["threads"] is None
    assert document["tests"][2]["findings"][0]["native"][0] == {
        "function": "grab",
        "file": "native.c",
        "line": 5,
        "library": "native.so",
    }


def test_json_reads_as_its_golden_text():
    check_golden("report.json", render_json(FACTS, ROOT).rstrip("\n"))


def test_the_schema_is_a_schema_and_knows_every_verdict():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    assert set(SCHEMA["$defs"]["test"]["properties"]["verdict"]["enum"]) == set(VERDICTS)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.update(schema=2),
        lambda document: document.pop("session"),
        lambda document: document["tests"][0].update(verdict="fine"),
        lambda document: document["tests"][0].pop("series"),
        lambda document: document["tests"][0]["growth"].update(heap=1),
        lambda document: document["tests"][0]["findings"][0].update(fingerprint="xyz"),
        lambda document: document["tests"][0]["findings"][0]["path"][0].pop("via"),
    ],
)
def test_the_schema_refuses_another_shape(spoil):
    document = json.loads(render_json(FACTS, ROOT))
    spoil(document)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
