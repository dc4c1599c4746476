"""Does a session under coverage, without pytest-cov, measure what a plain one runs?"""

from __future__ import annotations

import json
import sys

import pytest

pytest.importorskip("coverage", reason="tox -e compatibility has it")

_SHOP = """
def visited(often):
    if often:
        return 2
    return 1
"""
_TESTS = """
import threading

import shop

kept, runs = [], []

def test_sound():
    assert shop.visited(bool(runs))  # another branch from the second run on
    runs[:] = [1]

def test_starts_a_thread():
    thread = threading.Thread(target=shop.visited, args=(False,))
    thread.start()
    thread.join()

def test_leaks():
    kept.append([1])
"""


@pytest.mark.row("starts", "`coverage run -m pytest`")
def test_coverage_is_that_of_first_runs(lab):
    lab.write({"shop.py": _SHOP, "test_it.py": _TESTS})
    measured = {}
    for name, options in {
        "plain": ("-p", "no:leakguard"),
        "checked": ("-p", "leakguard", "--leak-check", "--leak-report=json:leaks.json"),
    }.items():
        data = f"--data-file={name}.coverage"
        run = ("coverage", "run", data, "--branch", "--include=shop.py", "-m", "pytest")
        lab.pytester.run(sys.executable, "-m", *run, *options)
        lab.pytester.run(sys.executable, "-m", "coverage", "json", data, f"-o{name}.json")
        report = json.loads((lab.path / f"{name}.json").read_text(encoding="utf-8"))
        measured[name] = report["files"]["shop.py"]["executed_branches"]

    assert measured["checked"] == measured["plain"] == [[2, 4]]
    assert lab.verdicts() == {
        "test_sound": "clean",
        "test_starts_a_thread": "clean",
        "test_leaks": "leak",
    }
