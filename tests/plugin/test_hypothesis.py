"""Are tests with generated examples run again with the same ones?"""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis")

_SUITE = """
import pathlib

from hypothesis import core, given, settings
from hypothesis import strategies as st

HERE = pathlib.Path(__file__).parent

@settings(max_examples=5, database=None, derandomize=False)
@given(st.integers())
def test_it(number):
    with open(HERE / "drawn.txt", "a") as drawn:
        drawn.write(f"{number}\\n")

def test_seed_is_left_alone():
    with open(HERE / "seeds.txt", "a") as seeds:
        seeds.write(f"{core.global_force_seed}\\n")
"""


def test_each_rerun_draws_the_same_examples_and_the_first_run_its_own(lab):
    lab.write({"test_it.py": _SUITE})

    lab.checked()

    drawn = (lab.path / "drawn.txt").read_text().split()
    runs = [drawn[start : start + 5] for start in range(0, len(drawn), 5)]
    first, second, *others = runs
    assert all(run == second for run in others)
    assert first != second
    assert (lab.path / "seeds.txt").read_text().split() == ["None", "0", "0", "0", "0"]


def test_the_user_s_own_seed_stays(lab):
    lab.write({"test_it.py": _SUITE})

    lab.checked("-p", "_hypothesis_pytestplugin", "--hypothesis-seed=3")

    assert set((lab.path / "seeds.txt").read_text().split()) == {"3"}
