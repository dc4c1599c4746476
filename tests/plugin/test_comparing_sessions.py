"""Does a session fail only by what an earlier one did not have?"""

from __future__ import annotations

import shutil

import pytest

_BASE = """
kept, other, third = [], [], []

def test_a():
    kept.append(object())

def test_b():
    other.append([object()])

def test_c():
    third.append(object())
"""
_NOW = """
kept, other, third, fresh = [], [], [], {}

def test_a():
    kept.append(object())

def test_b():
    other.append([object()])
    other.append([object()])

def test_c():
    pass

def test_d():
    fresh[object()] = []
"""


@pytest.mark.parametrize("plugins", [(), ("xdist",)], ids=["plain", "xdist"])
def test_new_and_worse_fail_and_all_is_listed(lab, plugins):
    options = ("--leak-confirm=1 s", *(["-n2"] if plugins else []))
    lab.write({"test_it.py": _BASE, "pytest.ini": "[pytest]\n"})
    assert lab.checked(*options, plugins=plugins).ret == 1
    shutil.copy(lab.path / "leaks.json", lab.path / "base.json")

    same = lab.checked(*options, "--leak-compare=base.json", plugins=plugins)
    assert same.ret == 0
    assert "compared with base.json: 0 new, 0 worse, 0 better, 0 gone, 3 same" in same.raw

    lab.write({"test_it.py": _NOW})
    session = lab.checked(*options, "-o", "leak_compare=base.json", plugins=plugins)

    assert session.result.parseoutcomes() == {"failed": 2, "passed": 2}
    assert lab.verdicts() == {
        "test_a": "known",
        "test_b": "leak",
        "test_c": "clean",
        "test_d": "leak",
    }
    assert "compared with base.json: 1 new, 1 worse, 0 better, 1 gone, 1 same" in session.raw
    assert "\ngone: object held by test_it.third\n" in session.raw
    assert "more than the 1 object per run recorded in base.json" in session.raw
    assert lab.json()["comparison"]["new"] == ["list held by test_it.fresh"]


def test_the_base_is_not_recorded_as_known(lab):
    lab.write({"test_it.py": _BASE, "pytest.ini": "[pytest]\n"})
    lab.checked("--leak-confirm=1 s")
    shutil.copy(lab.path / "leaks.json", lab.path / "base.json")

    session = lab.checked(
        "--leak-confirm=1 s", "--leak-compare=base.json", "--leak-update-known", "-k", "test_a"
    )

    assert session.ret == 0
    assert "known leaks: leakguard.toml: 1 added" in session.raw


def test_another_file_stops_before_any_test(lab):
    lab.write({"test_it.py": "import pathlib\npathlib.Path('ran').touch()\n", "base.json": "{}"})

    session = lab.checked("--leak-compare=base.json")

    assert session.ret == 4
    assert (
        "--leak-compare: expected a report that --leak-report=json:PATH has written" in session.err
    )
    assert not (lab.path / "ran").exists()
