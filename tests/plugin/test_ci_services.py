"""Does a session on a CI service show there what leaks, by itself?"""

from __future__ import annotations

import json

import pytest

_SUITE = """
kept = []

def test_leaks():
    kept.append(object())

def test_is_clean():
    pass
"""


@pytest.mark.parametrize("plugins", [(), ("xdist",)], ids=["plain", "xdist"])
def test_github_is_told_once_and_only_there(lab, monkeypatch, plugins):
    lab.write({"test_it.py": _SUITE, "pytest.ini": "[pytest]\n"})
    page = lab.path / "summary.md"
    page.write_text("# Before\n\n", encoding="utf-8")
    options = ("--leak-confirm=1 s", *(["-n2"] if plugins else []))

    elsewhere = lab.checked(*options, plugins=plugins)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    there = lab.checked(*options, plugins=plugins)

    assert "::error" not in elsewhere.raw
    commands = [line for line in there.raw.splitlines() if line.startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith("::error file=test_it.py,line=4,title=new leak ")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Before\n\n## Leak check\n\n2 checked, 1 leaking")
    assert text.count("## Leak check") == 1


def test_a_page_that_cannot_be_written_fails_nothing(lab, monkeypatch):
    lab.write({"test_it.py": "def test_is_clean(): pass\n"})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(lab.path))

    session = lab.checked()

    assert session.ret == 0
    assert "the summary of the job could not be written" in session.raw


def test_several_reports_are_written_at_once(lab):
    lab.write({"test_it.py": _SUITE, "pytest.ini": "[pytest]\n"})
    forms = {"sarif": "a.sarif", "gitlab": "b.json", "markdown": "c.md", "html": "d.html"}
    forms |= {"openmetrics": "e.txt", "prometheus": "f.prom"}

    session = lab.checked(
        "--leak-confirm=1 s", *(f"--leak-report={form}:{path}" for form, path in forms.items())
    )

    assert session.ret == 1
    (finding,) = (finding for test in lab.json()["tests"] for finding in test["findings"])
    sarif = json.loads((lab.path / "a.sarif").read_text(encoding="utf-8"))
    (result,) = sarif["runs"][0]["results"]
    assert result["partialFingerprints"] == {"leakguard/v1": finding["fingerprint"]}
    (issue,) = json.loads((lab.path / "b.json").read_text(encoding="utf-8"))
    assert issue["fingerprint"] == finding["fingerprint"]
    assert f"`{finding['fingerprint']}`" in (lab.path / "c.md").read_text(encoding="utf-8")
    for name in ("e.txt", "f.prom"):
        assert 'leakguard_tests{verdict="leak"} 1.0' in (lab.path / name).read_text(
            encoding="utf-8"
        )
    page = (lab.path / "d.html").read_text(encoding="utf-8")
    assert f'id="cause-{finding["fingerprint"]}"' in page
    assert "kept.append(object())" in page
    assert "<svg" in page


@pytest.mark.parametrize("plugins", [(), ("xdist",)], ids=["plain", "xdist"])
def test_retention_paths_are_drawn_into_a_directory(lab, plugins):
    lab.write({"test_it.py": _SUITE})
    options = ("--leak-confirm=1 s", *(["-n2"] if plugins else []))

    session = lab.checked(*options, "--leak-graph=build/graphs", plugins=plugins)

    assert session.ret == 1
    (finding,) = (finding for test in lab.json()["tests"] for finding in test["findings"])
    graph = lab.path / "build" / "graphs" / f"{finding['fingerprint']}.dot"
    assert "test_it.kept" in graph.read_text(encoding="utf-8")


def test_a_directory_for_graphs_that_cannot_be_made_stops_the_session(lab):
    lab.write({"test_it.py": _SUITE, "taken": ""})

    session = lab.checked("--leak-graph=taken/graphs")

    assert session.ret == 4
    assert "--leak-graph: expected a path that can be written" in session.err
