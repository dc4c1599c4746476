"""What do the markers do, on a function, a class, a module?"""

from __future__ import annotations

_LEAKY = """
import pytest

kept = []

class Thing:
    __slots__ = ()

def leak(count=1):
    kept.extend(Thing() for _ in range(count))
"""


def test_noleak_fails_a_leaking_test_in_a_plain_run(lab):
    lab.write(
        {
            "test_it.py": f"""{_LEAKY}
@pytest.mark.noleak
def test_leaks():
    leak(2)

@pytest.mark.noleak
def test_sound():
    Thing()

def test_unmarked():
    leak()
""",
        }
    )

    session = lab.pytest("--leak-report=json:leaks.json", "--leak-confirm=2 s")

    assert session.ret == 1
    assert ("test_leaks", "call", "failed") in session.reports
    assert ("test_sound", "call", "passed") in session.reports
    assert ("test_unmarked", "call", "passed") in session.reports
    assert lab.verdicts() == {
        "test_leaks": "leak",
        "test_sound": "clean",
        "test_unmarked": "unchecked",
    }
    assert session.summary.startswith(
        "leak check: 2 checked, 1 leaking (1 new, 0 known), 0 bounded, 0 inconclusive, 0 unchecked"
    )
    (finding,) = lab.json()["tests"][0]["findings"]
    assert (finding["type"], finding["holder"]) == ("test_it.Thing", "test_it.kept")


def test_noleak_covers_a_class_and_a_module_and_its_keywords_merge_from_near_to_far(lab):
    lab.write(
        {
            "conftest.py": """
from pytest_leakguard.plugin import markers, options_of

def pytest_collection_modifyitems(config, items):
    for item in items:
        plan = markers.read_plan(item, options_of(config).settings)
        known = plan.known.reason if plan and plan.known else None
        settings = plan and plan.settings
        print("plan", item.name, plan and plan.kind, plan and settings.runs,
              plan and settings.warmup, plan and settings.max_objects, known)
""",
            "test_marked.py": """
import pytest

pytestmark = pytest.mark.noleak(runs=4, warmup=2, max_objects=1)

def test_of_module():
    pass

@pytest.mark.noleak(runs=7)
def test_of_function():
    pass

@pytest.mark.noleak(max_objects=5)
@pytest.mark.noleak(max_objects=6, warmup=3)
def test_of_two_marks():
    pass

@pytest.mark.leaks("a cache", strict=False)
def test_known_in_module():
    pass

@pytest.mark.noleak(runs=5)
class TestClass:
    def test_of_class(self):
        pass

    @pytest.mark.noleak(warmup=9)
    def test_of_method(self):
        pass

    @pytest.mark.leaks("a registry")
    def test_known_in_class(self):
        pass

@pytest.mark.leaks("all of them")
class TestKnown:
    def test_known_by_class(self):
        pass

    @pytest.mark.noleak
    def test_enforced_in_known_class(self):
        pass

@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.noleak(runs=8))])
def test_parameters(number):
    pass
""",
            "test_unmarked.py": "def test_unmarked():\n    pass\n",
        }
    )

    raw = lab.pytest("--collect-only", "-s").raw
    plans = [line.split(None, 2)[1:] for line in raw.splitlines() if line.startswith("plan ")]

    assert dict(plans) == {
        "test_of_module": "noleak 4 2 1 None",
        "test_of_function": "noleak 7 2 1 None",
        "test_of_two_marks": "noleak 4 3 5 None",
        "test_known_in_module": "leaks 4 2 1 a cache",
        "test_of_class": "noleak 5 2 1 None",
        "test_of_method": "noleak 5 9 1 None",
        "test_known_in_class": "leaks 5 2 1 a registry",
        "test_known_by_class": "leaks 4 2 1 all of them",
        "test_enforced_in_known_class": "noleak 4 2 1 None",
        "test_parameters[1]": "noleak 4 2 1 None",
        "test_parameters[2]": "noleak 8 2 1 None",
        "test_unmarked": "None None None None None",
    }


def test_of_two_noleak_marks_on_one_node_the_upper_one_wins(lab):
    lab.write(
        {
            "test_it.py": f"""{_LEAKY}
@pytest.mark.noleak(max_objects=5)
@pytest.mark.noleak(max_objects=0)
def test_leaks():
    leak(2)
""",
        }
    )

    assert lab.pytest("--leak-confirm=2 s").ret == 0


def test_limits_tolerate_growth_up_to_them(lab):
    lab.write(
        {
            "test_it.py": f"""{_LEAKY}
@pytest.mark.noleak(max_objects=2)
def test_within():
    leak(2)

@pytest.mark.noleak(max_objects=2)
def test_beyond():
    leak(3)

@pytest.mark.noleak(max_bytes="1 MiB")
def test_bytes_lift_the_limit_of_objects():
    leak(3)
""",
        }
    )

    session = lab.pytest("--leak-confirm=2 s", "--leak-report=json:leaks.json")

    assert lab.verdicts() == {
        "test_within": "clean",
        "test_beyond": "leak",
        "test_bytes_lift_the_limit_of_objects": "clean",
    }
    assert "(allowed: 2 objects)" in session.raw


def test_descriptors_are_never_excused_and_track_chooses_what_is_counted(lab):
    lab.write(
        {
            "test_it.py": f"""{_LEAKY}
import os

def open_one():
    os.open(os.devnull, os.O_RDONLY)

@pytest.mark.noleak(max_objects=99, max_bytes="1 MiB")
def test_descriptors():
    open_one()

@pytest.mark.noleak(track="threads")
def test_untracked():
    open_one()
    leak()

@pytest.mark.noleak(ignore="test_it.Thing: kept on purpose")
def test_ignored():
    leak()

@pytest.mark.noleak(ignore={{"test_it.kept": "#12"}})
def test_ignored_holder():
    leak()
""",
        }
    )

    lab.pytest("--leak-confirm=2 s", "--leak-report=json:leaks.json")

    tests = {test["nodeid"].rpartition("::")[2]: test for test in lab.json()["tests"]}
    assert lab.verdicts() == {
        "test_descriptors": "leak",
        "test_untracked": "clean",
        "test_ignored": "clean",
        "test_ignored_holder": "clean",
    }
    assert tests["test_descriptors"]["growth"]["fds"] == 1
    assert tests["test_untracked"]["growth"]["gc_objects"] is None
    assert "ignored" in tests["test_ignored"]["reason"]
    assert tests["test_ignored_holder"]["ignored"] == [
        {"pattern": "test_it.kept", "reason": "#12", "findings": 1}
    ]


def test_a_known_leak_passes_and_a_fixed_one_asks_to_remove_the_marker(lab):
    lab.write(
        {
            "test_it.py": f"""{_LEAKY}
@pytest.mark.leaks("the cache is unbounded", issue="#12")
def test_known():
    leak()

@pytest.mark.leaks("the cache was unbounded")
def test_fixed():
    pass

@pytest.mark.leaks("the cache was unbounded", strict=False)
def test_fixed_not_strictly():
    pass

pytestmark = pytest.mark.noleak
""",
        }
    )

    session = lab.pytest("--leak-confirm=2 s", "--leak-report=json:leaks.json")

    assert session.ret == 1
    assert [report for report in session.reports if report[1] == "call"] == [
        ("test_known", "call", "passed"),
        ("test_fixed", "call", "failed"),
        ("test_fixed_not_strictly", "call", "passed"),
    ]
    assert lab.verdicts()["test_known"] == "known"
    assert "known: test_it.py::test_known: the cache is unbounded (#12)" in session.raw
    assert "fixed: it no longer leaks (the cache was unbounded); remove the marker" in session.raw
    assert [entry["nodeid"] for entry in session.stream if entry["event"] == "warning"] == [
        "test_it.py::test_fixed_not_strictly"
    ]
    assert "1 leaking (0 new, 1 known)" in session.summary


def test_a_fixed_leak_that_is_not_strict_fails_where_warnings_are_errors(lab):
    lab.write(
        {
            "test_it.py": """
import pytest

@pytest.mark.leaks("the cache was unbounded", strict=False)
def test_fixed():
    pass
""",
        }
    )

    session = lab.pytest("-W", "error")

    assert session.reports == [
        ("test_fixed", "setup", "passed"),
        ("test_fixed", "call", "failed"),
        ("test_fixed", "teardown", "passed"),
    ]


def test_a_known_leak_that_fails_for_another_reason_fails_as_ever(lab):
    lab.write(
        {
            "test_it.py": """
import pytest

@pytest.mark.leaks("the cache is unbounded")
def test_fails():
    assert 0
""",
        }
    )

    session = lab.pytest("--leak-report=json:leaks.json")

    assert session.ret == 1
    assert lab.verdicts() == {"test_fails": "unchecked"}


def test_markers_that_a_plugin_adds_are_enforced(lab):
    lab.write(
        {
            "test_it.py": f"""{_LEAKY}
def test_leaks():
    leak()
""",
            "conftest.py": """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker("noleak")
""",
        }
    )

    session = lab.pytest("--leak-confirm=2 s")

    assert session.ret == 1
    assert "1 leaking (1 new, 0 known)" in session.summary
