"""Are tests judged well that leave something behind at random?"""

from __future__ import annotations

import pytest

_RANDOM = """
import random

draw = random.Random({seed})

class Kept:
    def __init__(self):
        self.name = "kept"

kept = []
by_key = {{}}

def test_before():
    pass

def test_it():
    {body}
"""


@pytest.fixture
def judged(lab):
    def run(body: str, seed: int):
        lab.write({"test_it.py": _RANDOM.format(seed=seed, body=body)})
        said = lab.checked().raw
        test = next(test for test in lab.json()["tests"] if test["nodeid"].endswith("test_it"))
        return {**test, "said": said}

    return run


def test_what_is_kept_on_some_runs_is_a_leak_at_random(judged):
    test = judged("if len(kept) < 6 or draw.random() < 0.6: kept.append(Kept())", seed=4)

    assert test["verdict"] == "leak"
    assert [finding["holder"] for finding in test["findings"]] == ["test_it.kept"]
    assert " at random, in each of " in test["said"]
    assert "(chance of at most 1 in 2,000 that it had come down to half)" in test["said"]


def test_new_keys_at_random_are_left_open(judged):
    test = judged("if len(by_key) < 6 or draw.random() < 0.6: by_key[object()] = Kept()", seed=4)

    assert test["verdict"] == "inconclusive"
    assert test["reason"].startswith("new keys at random, still at ")


def test_a_store_that_fills_up_with_random_keys_is_bounded(judged):
    test = judged("by_key.setdefault(draw.randrange(60), Kept())", seed=4)

    assert test["verdict"] == "bounded"
    assert test["reason"].startswith("growth ended or faded within ")
