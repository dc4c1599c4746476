"""Are Allure's results those of a plain session, but for the leaks that they show?"""

from __future__ import annotations

import json
from collections import Counter

import pytest

_TESTS = """
import allure
import pytest

kept = []

@pytest.fixture(scope="module")
def wide():
    yield
    print("wide down")

@pytest.fixture
def narrow(wide):
    with allure.step("set up"):
        yield [1]

@allure.title("a sound one")
@allure.feature("orders")
def test_sound(narrow):
    print("printed")
    with allure.step("a step"):
        allure.attach("text", "a name")
    allure.dynamic.label("kind", "sound")

@pytest.mark.parametrize("number", [1, 2])
def test_parameters(number):
    allure.dynamic.parameter("of its own", number)

def test_leaks(narrow):
    with allure.step("a step"):
        kept.append([1])

def test_fails_later(runs=[]):
    runs.append(1)
    assert len(runs) < 2

def test_fails():
    assert 0, "as ever"

@pytest.fixture
def broken():
    yield
    raise RuntimeError("tear-down")

def test_breaks_down(broken):
    pass
"""


def _results(lab, name):
    """Read what Allure has written, without what differs between any two runs."""
    folder = lab.path / name
    results = {}
    for path in folder.glob("*-result.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        assert result["stop"] - result["start"] < 3000, "re-runs are in its duration"
        labels = [tuple(label.values()) for label in result["labels"]]
        results[result["fullName"], str(result.get("parameters"))] = {
            "name": result["name"],
            "status": result["status"],
            "message": result.get("statusDetails", {}).get("message"),
            "trace": result.get("statusDetails", {}).get("trace"),
            "steps": [step["name"] for step in result.get("steps", ())],
            "attachments": [one["name"] for one in result.get("attachments", ())],
            "labels": Counter(label for label in labels if label[0] not in {"host", "thread"}),
        }
    fixtures = Counter()
    for path in folder.glob("*-container.json"):
        container = json.loads(path.read_text(encoding="utf-8"))
        for phase in ("befores", "afters"):
            fixtures.update((phase, one["name"]) for one in container.get(phase, ()))
    files = Counter(path.name.partition("-")[2].rpartition("-")[2] for path in folder.iterdir())
    return results, fixtures, files


@pytest.mark.parametrize(
    "options", [(), ("-n2", "--dist=loadfile")], ids=["in one process", "two workers"]
)
def test_results_are_those_of_first_runs_and_show_leaks(lab, options):
    plugins = ("allure_pytest", *(("xdist",) if options else ()))
    lab.write({"test_it.py": _TESTS})

    lab.plain("--alluredir=plain", *options, plugins=plugins)
    lab.checked("--alluredir=checked", "--leak-confirm=1 s", *options, plugins=plugins)
    plain, *other_files = _results(lab, "plain")
    checked, *other_checked = _results(lab, "checked")
    leaks = {key: checked[key] for key in checked if "leaks" in key[0]}

    assert lab.verdicts() == {
        "test_sound": "clean",
        "test_parameters[1]": "clean",
        "test_parameters[2]": "clean",
        "test_leaks": "leak",
        "test_fails_later": "inconclusive",
        "test_fails": "unchecked",
        "test_breaks_down": "unchecked",
    }
    assert other_checked == other_files
    assert {**checked, **leaks} == {**plain, **leaks}
    told = next(leak for (name, _), leak in leaks.items() if name.endswith("test_leaks"))
    assert told["status"] == "failed"
    assert told["message"].startswith("leak: +1 object, +")
    assert "held by    test_it.kept -> list" in told["trace"]
    assert told["steps"] == ["a step"]
