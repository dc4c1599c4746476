"""Are findings left out by the patterns that a user gives, and are these accounted for?"""

from __future__ import annotations

import pytest

_LEAKY = """
import pytest

kept = []
log = []

class Thing:
    pass

class Line:
    pass

def test_thing():
    kept.append(Thing())

def test_line():
    log.append(Line())

@pytest.mark.noleak(ignore={"test_it.kept": "a marker's own"})
def test_both():
    kept.append(Thing())
    log.append(Line())

def test_sound():
    pass
"""


@pytest.fixture
def checked(lab):
    def run(ini: str, *options: str):
        lab.write({"test_it.py": _LEAKY, "pytest.ini": f"[pytest]\n{ini}"})
        return lab.checked("--leak-confirm=2 s", *options).raw

    return run


def test_an_entry_for_the_suite_comes_before_those_of_markers_and_is_counted(checked, lab):
    output = checked("leak_ignore =\n  test_it.log: #7\n  test_it.Unheard*: gone\n")

    assert lab.verdicts() == {
        "test_thing": "leak",
        "test_line": "clean",
        "test_both": "clean",
        "test_sound": "clean",
    }
    assert "ignored: 2 findings in 2 tests by 'test_it.log': #7\n" in output
    assert "ignored: 1 finding in 1 test by 'test_it.kept': a marker's own\n" in output
    assert "ignored: nothing by 'test_it.Unheard*' (gone): it is not needed" in output


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("test_it.Thing", "line"),
        ("test_it.k?pt", "line"),
        ("test_it", ""),
        ("test_i*t.log", "thing"),
    ],
    ids=["type", "holder", "module", "part of a holder"],
)
def test_a_pattern_may_name_type_holder_or_module(checked, lab, pattern, left):
    checked("", f"--leak-ignore={pattern}: known", "-k", "not both")

    leaking = [name for name, verdict in lab.verdicts().items() if verdict == "leak"]
    assert leaking == ([f"test_{left}"] if left else [])


def test_a_fingerprint_is_a_pattern_as_well(checked, lab):
    checked("", "-k", "thing")
    fingerprint = lab.json()["tests"][0]["findings"][0]["fingerprint"]

    checked("", "-k", "thing", f"--leak-ignore={fingerprint}: known")

    assert lab.verdicts() == {"test_thing": "clean"}


@pytest.mark.parametrize(
    "options", [["-k", "sound"], ["test_it.py::test_sound"], ["-x"]], ids=["-k", "node id", "-x"]
)
def test_nothing_is_called_unneeded_when_only_a_part_of_the_suite_ran(checked, options):
    output = checked("leak_ignore = test_it.Unheard*: gone\n", *options)

    assert "1 checked" in output
    assert "ignored" not in output


def test_results_of_workers_are_counted_together(checked):
    output = checked("leak_ignore = test_it.*: all known\n", "-n", "2", "-p", "xdist.plugin")

    assert "ignored: 4 findings in 3 tests by 'test_it.*': all known\n" in output


@pytest.mark.parametrize("entry", ["test_it.log", "*: all", ": why", "test_it.log:"])
def test_an_entry_that_says_too_little_stops_the_session(lab, entry):
    lab.write({"test_it.py": _LEAKY, "pytest.ini": f"[pytest]\nleak_ignore = {entry}\n"})

    session = lab.pytest()

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert "leak_ignore in pytest.ini: expected 'PATTERN: REASON'" in session.err
    assert f"(got {entry!r})" in session.err
