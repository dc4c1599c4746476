"""Does the page for browsers show what a session has found, and nothing of it as markup?"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_leakguard.errors import MissingPackageError
from pytest_leakguard.evidence import Profile, TracedRun
from pytest_leakguard.model import Bound, Frame, NativeFrame, Result, Share, Step
from pytest_leakguard.reports import SessionFacts, TestOutcome, require_packages

pytest.importorskip("jinja2")
pytest.importorskip("leather")

from sample import ROOT, SUBSCRIPTION, WATCHED, facts

from pytest_leakguard.reports.html import render_html
from pytest_leakguard.reports.html.charts import charts_of, timeline_charts_of
from pytest_leakguard.reports.html.source import lines_around

_VOID = {"meta", "input", "rect", "path", "line", "circle", "br"}


class Page(HTMLParser):
    """A parsed page: elements with their attributes and text, and whether all are closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self._id = [""]
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
            self._id.append(dict(attrs).get("id") or self._id[-1])

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self._open.pop() == tag
            self._id.pop()

    def handle_data(self, data):
        self.texts[self._id[-1]] = f"{self.texts.get(self._id[-1], '')} {data}"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def test(self, number: int) -> str:
        ids = [a["id"] for a in self.all("li") if (a.get("id") or "").startswith("test-")]
        return " ".join(self.texts.get(ids[number] or "", "").split())


FINDING = replace(
    SUBSCRIPTION,
    allocated=(
        Frame(file="/project/bus.py", line=88, function="Bus.add", source="sub = Sub(topic)"),
        Frame(file="/project/test_bus.py", line=4, function="test_bus", source="bus.add('tea')"),
    ),
    native=(NativeFrame(function="take", file="/project/a.c", line=4, library="/lib/a.so"),),
    grown=(Frame(file="/project/bus.py", line=91, function="Bus.add", source="subs.append(sub)"),),
    held=(Share(type="function", objects_per_run=1, bytes_per_run=64),),
    note="made in run 9, alive after run 26",
    bound=Bound(text="maxlen 900, 20 of it"),
    meaning="subscribed on every run",
)
LEAK = Result(
    verdict="leak",
    executions=26,
    seconds=1.5,
    growth={"gc_objects": 2, "traced_bytes": 4096},
    series={
        "gc_objects": (100, 110, 124, 146),
        "fds": (3, 3, 3, 3),
        "traced_bytes": (0, 20480, 49152, 94208),
    },
    batches=(5, 7, 11),
    findings=(FINDING,),
    evidence="gc_objects: exactly 2 per run",
)
CLEAN = Result(verdict="clean", executions=5, seconds=0.01, series={"gc_objects": (5, 5)})


def session(*results: Result, **names: str) -> SessionFacts:
    return facts(
        *(
            TestOutcome(
                nodeid=names.get("nodeid", f"test_bus.py::test_{number}"),
                kind="suite",
                result=result,
            )
            for number, result in enumerate(results)
        )
    )


def page(*results: Result, **names: str) -> Page:
    return Page(render_html(session(*results, **names), ROOT))


def test_a_leak_is_shown_with_all_that_is_known_of_it():
    shown = page(CLEAN, LEAK).test(0)

    for text in (
        "leak test_bus.py::test_1 +2 objects, +272 B per run 26 runs, +1.5 s",
        "Evidence gc_objects: exactly 2 per run",
        "bus.Subscription +1 per run, +272 B per run 7f3c9a1e new",
        "event listener : subscribed on every run",
        "Fix unsubscribe on teardown",
        "Held by bus.default._subs['tea']",
        "bus.default bus.Bus ._subs['tea'] list grows [*] bus.Subscription leaks",
        "function +1 per run, +64 B per run",
        "made in run 9, alive after run 26",
        "Bound: maxlen 900, 20 of it",
        "Allocated at bus.py:88 in Bus.add 88 sub = Sub(topic)",
        "called from 1 line test_bus.py:4 in test_bus bus.add('tea')",
        "take /project/a.c:4 /lib/a.so",
        "Grown at bus.py:91 in Bus.add 91 subs.append(sub)",
        "gc_objects +46 over 23 runs, +2 per run",
        "traced_bytes +92 KiB over 23 runs, +4 KiB per run",
    ):
        assert text in shown
    assert "fds" not in shown


def test_a_test_without_anything_to_say_is_one_line():
    shown = page(CLEAN)

    assert shown.test(0) == "clean test_bus.py::test_0 5 runs, +10 ms"
    assert shown.all("svg") == []
    assert "Nothing leaks." in shown.texts["causes"]


def test_a_cause_is_one_row_that_leads_to_its_tests():
    shown = page(LEAK, CLEAN, LEAK)

    (link,) = (a for a in shown.all("a") if a.get("class") == "show-tests")
    assert link["data-query"] == "7f3c9a1e"
    ids = {a["id"] for _, a in shown.elements if "id" in a}
    targets = {(a["href"] or "")[1:] for a in shown.all("a")}
    assert targets <= ids
    assert "cause-7f3c9a1e" in targets


def test_every_element_has_its_own_id():
    ids = [a["id"] for _, a in page(LEAK, LEAK, CLEAN).elements if "id" in a]

    assert len(ids) == len(set(ids))


HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


def test_names_are_text_and_nothing_else():
    frame = Frame(file=f"/project/{HOSTILE}.py", line=1, function=HOSTILE, source=HOSTILE)
    finding = replace(
        FINDING,
        type=HOSTILE,
        holder=HOSTILE,
        path=(Step(via=HOSTILE, type=HOSTILE),) * len(FINDING.path),
        allocated=(frame, frame),
        grown=(replace(frame, line=2),),
        native=(NativeFrame(function=HOSTILE, file=HOSTILE, line=1, library=HOSTILE),),
        held=(Share(type=HOSTILE, objects_per_run=1, bytes_per_run=1),),
        note=HOSTILE,
        bound=Bound(text=HOSTILE),
        pattern=HOSTILE,
        meaning=HOSTILE,
        advice=HOSTILE,
        status_reason=HOSTILE,
    )
    result = replace(
        LEAK,
        reason=HOSTILE,
        evidence=HOSTILE,
        only_after=HOSTILE,
        not_isolated=HOSTILE,
        findings=(finding,),
    )
    harmless = page(replace(result, findings=(FINDING,)), nodeid="test_it.py::test_it")

    shown = page(result, nodeid=HOSTILE)

    assert [len(shown.all(tag)) for tag in ("script", "img")] == [1, 0]
    assert not any(name.startswith("on") for _, a in shown.elements for name in a)
    assert len(shown.all("li")) == len(harmless.all("li"))
    assert shown.test(0).count(HOSTILE) > 15
    assert "49" not in shown.test(0)


def test_what_text_would_hide_is_shown():
    shown = page(LEAK, nodeid="a\x1b[31m\u202egnp\x00\udc80é").test(0)

    assert r"a\x1b[31m\u202egnp\x00\udc80é" in shown


def test_only_the_page_s_own_script_and_style_may_run():
    text = render_html(session(LEAK), ROOT)
    policy = next(
        a["content"] or "" for a in Page(text).all("meta") if "Content-Security" in str(a)
    )

    for tag in ("script", "style"):
        ((own),) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"\bstyle=|javascript:|@import|url\(", text)


def test_nothing_is_fetched():
    for tag, attributes in page(LEAK).elements:
        assert tag not in {"link", "img", "iframe", "object"}
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")


def test_beyond_what_anybody_reads_tests_are_shown_in_short():
    leaks = [
        replace(LEAK, findings=(replace(FINDING, fingerprint=f"{number:08x}"),))
        for number in range(203)
    ]

    shown = page(*leaks)

    assert "3 more causes, not in this table" in shown.texts["causes"]
    assert "made in run 9" in shown.test(199)
    assert "made in run 9" not in shown.test(200)
    assert "Held by bus.default._subs['tea'] , allocated at bus.py:88 in Bus.add" in shown.test(200)


def test_a_chart_has_runs_and_not_samples_on_its_axis():
    charts = {chart.counter: chart for chart in charts_of(LEAK)}

    assert list(charts) == ["gc_objects", "traced_bytes"]
    (path,) = re.findall(r'd="M ([^"]*)"', charts["gc_objects"].svg)
    points = [tuple(map(float, pair.split())) for pair in path.split(" L ")]
    slopes = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(points)]
    assert max(slopes) - min(slopes) < 0.02  # as straight as it grows
    assert "KiB</text>" in charts["traced_bytes"].svg


def test_a_watched_session_is_shown_with_warnings_and_curves():
    shown = Page(render_html(replace(session(CLEAN), monitored=(WATCHED,)), ROOT))
    text = " ".join(shown.texts["monitor"].split())

    for words in (
        "gw1: 300 tests, 12.5 s",
        "steady growth bus.<img src=x> gained 300 items",
        "rss_bytes 47.7 MiB to 57.2 MiB over 300 tests",
        "+300 +1 290 of 290 bus.<img src=x> (list)",
    ):
        assert words in text
    assert "fds 9" not in text  # it never moved
    assert not shown.all("img")


def test_traced_runs_are_drawn_and_listed():
    runs = tuple(
        TracedRun(kept_bytes=kept, peak_bytes=10_240, alive_objects=alive)
        for kept, alive in ((4096, 0), (336, 2), (336, 2))
    )
    shown = page(replace(LEAK, timeline=runs)).test(0)
    memory, objects = timeline_charts_of(replace(LEAK, timeline=runs))

    assert "memory +4.7 KiB in use after traced run 3" in shown
    assert "objects 4 objects of traced runs 1 to 3 alive after the last" in shown
    assert "2 336 B 10 KiB 2 3 336 B 10 KiB 2" in shown
    after, peaks = re.findall(r'd="M ([^"]*)"', memory.svg)
    assert [part.count("L") for part in (after, peaks)] == [3, 2]
    assert "KiB</text>" in memory.svg
    assert objects.svg.count('class="series columns"') == 1


@pytest.mark.parametrize("known", [(), (TracedRun(kept_bytes=1, peak_bytes=2, alive_objects=3),)])
def test_a_warm_up_alone_is_not_drawn(known):
    assert list(timeline_charts_of(replace(LEAK, timeline=known))) == []


PROFILE = Profile(
    tool="memray",
    runs=10,
    files={
        "flamegraph": "/project/leak profiles/a:b/flamegraph.html",
        "text": "/elsewhere/<leaks>.txt",
    },
    command="python -m pytest 'test_bus.py::test_0[<b>]'",
)


def test_the_files_of_a_profile_are_links_from_where_the_page_is():
    facts = session(replace(LEAK, profile=PROFILE))
    shown = Page(render_html(facts, ROOT, Path("/project/out/page.html")))

    links = [a["href"] for a in shown.all("a") if (a.get("href") or "").startswith("..")]
    assert links == [
        "../leak%20profiles/a%3Ab/flamegraph.html",
        "../../elsewhere/%3Cleaks%3E.txt",
    ]
    assert "Profile 10 runs under memray: flamegraph , text" in shown.test(0)
    assert "Repeat it python -m pytest 'test_bus.py::test_0[<b>]'" in shown.test(0)


def test_a_page_that_is_nowhere_names_the_files_of_a_profile():
    shown = page(replace(LEAK, profile=PROFILE))

    assert "leak profiles/a:b/flamegraph.html" in shown.test(0)
    assert all((a.get("href") or "#").startswith("#") for a in shown.all("a"))


def test_samples_of_unknown_distance_are_drawn_one_by_one():
    (chart,) = charts_of(
        Result(verdict="inconclusive", series={"gc_objects": (5, 9, 2)}, growth={})
    )

    assert chart.text == "-3 over 2 runs"


def test_lines_stand_around_the_one_that_was_run(tmp_path):
    file = tmp_path / "bus.py"
    file.write_text("".join(f"line({number})\n" for number in range(1, 11)), encoding="utf-8")
    frame = Frame(file=str(file), line=9, function="f", source="line(9)")

    lines = lines_around(frame)

    assert [line.number for line in lines] == [6, 7, 8, 9, 10]
    assert [line.text for line in lines if line.marked] == ["line(9)"]


@pytest.mark.parametrize(
    "text", ["another(9)\n" * 20, "", "# coding: none-such\n" + "line(9)\n" * 9]
)
def test_a_file_that_has_changed_is_not_quoted(tmp_path, text):
    file = tmp_path / "bus.py"
    file.write_text(text, encoding="utf-8")
    frame = Frame(file=str(file), line=9, function="f", source="line(9)")

    (line,) = lines_around(frame)

    assert (line.number, line.text) == (9, "line(9)")
    assert lines_around(replace(frame, source="", line=99)) == ()


def test_a_missing_package_is_named_with_what_brings_it(monkeypatch):
    monkeypatch.setattr("pytest_leakguard.reports.find_spec", lambda _: None)

    with pytest.raises(MissingPackageError, match=r"needs jinja2, .*pytest-leakguard\[html\]"):
        require_packages("html", "--leak-report")
    require_packages("json", "--leak-report")
