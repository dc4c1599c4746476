"""Are tests with generated examples run again with the same ones?"""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis")
pytestmark = pytest.mark.row("kinds", "Hypothesis: `@given`")

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
    seeds = (lab.path / "seeds.txt").read_text().split()
    assert seeds[:5] == ["None", "0", "0", "0", "0"]
    assert set(seeds[5:]) <= {"0"}


def test_a_parametrised_test_is_flat(lab):
    lab.write(
        {
            "test_it.py": """
import pytest
from hypothesis import given
from hypothesis import strategies as st

class TestClass:
    @pytest.mark.parametrize("parameter", [1, 2])
    @given(number=st.integers())
    def test_it(self, parameter, number):
        pass
"""
        }
    )
    session = lab.checked("-p", "_hypothesis_pytestplugin")

    assert session.ret == 0
    told = lab.json()["tests"]
    assert [test["verdict"] for test in told] == ["clean"] * 2, lab.grounds()
    # The first sampled run may see a cache filled, and any run a table made anew.
    objects = [test["series"]["gc_objects"] for test in told]
    assert all(row[-1] <= row[1] for row in objects), lab.grounds()


def test_the_user_s_own_seed_stays(lab):
    lab.write({"test_it.py": _SUITE})

    lab.checked("-p", "_hypothesis_pytestplugin", "--hypothesis-seed=3")

    assert set((lab.path / "seeds.txt").read_text().split()) == {"3"}
