"""Are retention paths drawn, and is no code of the user's run for it?"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from sample import SUBSCRIPTION

from pytest_leakguard.diagnosis.graph import graph_of
from pytest_leakguard.model import Share, Step
from pytest_leakguard.plugin.graphs import write_graphs
from pytest_leakguard.reports.causes import Cause

FINDING = replace(
    SUBSCRIPTION,
    held=(
        Share(type="function", objects_per_run=1, bytes_per_run=64),
        Share(type="bus.Key", objects_per_run=2, bytes_per_run=100),
    ),
)
CAUSE = Cause(
    finding=FINDING,
    fingerprint="7f3c9a1e",
    status="new",
    status_reason="",
    sentence="",
    file="bus.py",
    line=1,
    tests=("test_it",),
)


def edges(graph: str) -> list[tuple[str, str]]:
    labels = dict(re.findall(r'(o\d+)\[label="((?:[^"\\]|\\.)*)"', graph))
    return [(labels[a], labels[b]) for a, b in re.findall(r"(o\d+) -> (o\d+)", graph)]


def test_the_way_from_the_root_is_drawn_and_what_hangs_on_its_end():
    root = r"bus.Bus\n\nbus.default"
    grows = r"list\n\n._subs['tea']\ngrows"
    leaked = r"bus.Subscription\n\n[*]\nleaks: +1 per run, +272 B per run"

    assert edges(graph_of(FINDING)) == [
        (root, grows),
        (grows, leaked),
        (leaked, r"function\n\nheld by it\n+1 per run, +64 B per run"),
        (leaked, r"bus.Key\n\nheld by it\n+2 per run, +100 B per run"),
    ]


def test_without_a_path_there_is_no_graph():
    assert graph_of(replace(FINDING, path=())) == ""


@pytest.mark.parametrize("name", ['a"]; b [x="', "\udc80", "\0", "", "a.<locals>.b", "\n"])
def test_any_name_stays_within_its_label(name):
    path = (Step(via=name, type="bus.Bus"), Step(via="[*]", type=name))

    graph = graph_of(replace(FINDING, path=path, held=()))

    assert len(edges(graph)) == 1


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("name", ["a.B", 'a"]; b [x="', "\udc80", "<b>", "é"])
def test_graphviz_draws_it(tmp_path, name):
    finding = replace(FINDING, path=(*FINDING.path[:2], Step(via="[*]", type=name)))

    trouble = write_graphs(tmp_path, [replace(CAUSE, finding=finding)])

    assert trouble == ""
    assert {path.name for path in tmp_path.iterdir()} == {
        "7f3c9a1e.dot",
        "7f3c9a1e.svg",
        "7f3c9a1e.png",
    }
    texts = [*ET.parse(tmp_path / "7f3c9a1e.svg").getroot().itertext()]
    assert "bus.default" in texts


def test_without_graphviz_there_is_the_language_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    trouble = write_graphs(tmp_path, [CAUSE, replace(CAUSE, finding=None, fingerprint="0")])

    assert trouble == "Graphviz is not installed, so that graphs are not drawn"
    assert [path.name for path in tmp_path.iterdir()] == ["7f3c9a1e.dot"]


@pytest.mark.skipif(os.name != "posix", reason="the program is a script")
def test_what_graphviz_says_of_its_failure_is_told(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no fonts >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    drawn = tmp_path / "drawn"
    drawn.mkdir()

    trouble = write_graphs(drawn, [CAUSE])

    assert trouble == "Graphviz failed at 7f3c9a1e.dot: no fonts"
    assert [path.name for path in drawn.iterdir()] == ["7f3c9a1e.dot"]
