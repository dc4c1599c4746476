"""What fails a session in which all tests are checked?"""

from __future__ import annotations

import pytest

_LEAKING = """
kept = []
def test_leaks():
    kept.append(object())
"""
_CLEAN = "def test_is_clean(): pass\n"


@pytest.fixture
def checked(lab):
    def run(suite: str, *options: str, plugins: tuple[str, ...] = ()):
        lab.write({"test_it.py": suite})
        return lab.checked("--leak-confirm=1 s", *options, plugins=plugins)

    return run


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 1),
        (("--leak-fail-on=leak",), 1),
        (("--leak-fail-on=worse",), 0),
        (("--leak-fail-on=inconclusive, unchecked",), 0),
        (("--leak-fail-on=none",), 0),
        (("-o", "leak_fail_on=none"), 0),
        (("-o", "leak_fail_on=none", "--leak-fail-on=worse,leak"), 1),
    ],
)
def test_a_new_leak_fails_unless_it_is_left_out(checked, lab, options, code):
    session = checked(_LEAKING, *options)

    assert session.ret == code
    assert lab.verdicts() == {"test_leaks": "leak"}
    assert "1 leaking (1 new, 0 known)" in session.summary


def test_marked_tests_have_rules_of_their_own(checked):
    session = checked(
        f"import pytest\npytestmark = pytest.mark.noleak\n{_LEAKING}", "--leak-fail-on=none"
    )

    assert session.ret == 1


@pytest.mark.parametrize(("fail_on", "code"), [("worse", 1), ("leak", 1), ("none", 0)])
def test_what_is_worse_fails_by_its_own_name_and_as_a_leak(checked, lab, fail_on, code):
    entry = '[[known]]\nholder = "test_it.kept"\nreason = "r"\nmax_objects = 0\n'
    lab.write({"leakguard.toml": entry, "pytest.ini": "[pytest]\n"})

    assert checked(_LEAKING, f"--leak-fail-on={fail_on}").ret == code


_BREAKS = """
import pathlib
def test_breaks():
    path = pathlib.Path("ran")
    assert not path.exists()
    path.touch()
"""


@pytest.mark.parametrize(("fail_on", "code"), [("leak", 0), ("leak,inconclusive", 1)])
def test_an_inconclusive_test_fails_if_that_is_asked_for(checked, lab, fail_on, code):
    session = checked(_BREAKS + _CLEAN, f"--leak-fail-on={fail_on}")

    assert session.ret == code
    assert lab.verdicts() == {"test_breaks": "inconclusive", "test_is_clean": "clean"}
    failed = {"failed": 1, "passed": 1} if code else {"passed": 2}
    assert session.result.parseoutcomes() == failed


def test_a_test_that_passes_unchecked_fails_the_session_if_that_is_asked_for(checked):
    suite = f"{_CLEAN}def test_b(): pass\n"
    options = ("--leak-budget=0 s",)

    assert checked(suite, *options).ret == 0
    session = checked(suite, *options, "--leak-fail-on=unchecked")

    assert session.ret == 1
    assert session.result.parseoutcomes() == {"passed": 2}
    said = "leak check failed: 2 tests passed unchecked: test_it.py::test_is_clean, test_it.py::"
    assert said in session.raw


def test_tests_that_do_not_pass_are_not_held_against_it(checked):
    suite = f"""
import pytest
{_CLEAN}
@pytest.mark.skip
def test_skipped(): pass
@pytest.mark.xfail(strict=True)
def test_xfails(): assert 0
"""
    session = checked(suite, "--leak-fail-on=unchecked")

    assert session.ret == 0


#: As pytest-forked does it: what happens in the test's own process cannot be seen here.
_ELSEWHERE = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for when in ("setup", "call", "teardown"):
        report = pytest.TestReport(item.nodeid, item.location, {}, "passed", None, when)
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_a_gate_that_could_judge_nothing_does_not_pass(checked, lab):
    lab.write({"conftest.py": _ELSEWHERE})

    session = checked(_CLEAN)

    assert session.ret == 1
    assert "leak check failed: nothing was judged, though 1 test passed" in session.raw
    said = "unchecked: 1 test: another plugin ran it in a way of its own, so it could not be run"
    assert said in session.raw
    assert checked(_CLEAN, "--leak-mode=marked").ret == 0


@pytest.mark.parametrize(
    "options",
    [("--leak-budget=0 s",), ("--leak-sample=0.0001%", "--leak-sample-seed=1"), ("-k", "nothing")],
    ids=" ".join,
)
def test_a_gate_that_was_told_to_judge_little_may_judge_nothing(checked, options):
    assert checked(_CLEAN, *options).ret in (0, 5)


def test_a_report_that_cannot_be_written_is_told_at_the_end(checked, lab):
    suite = f"""
import pathlib, pytest
@pytest.fixture(scope="session", autouse=True)
def in_the_way():
    yield
    pathlib.Path("late.json").mkdir()
{_CLEAN}"""
    session = checked(suite, "--leak-report=json:late.json")

    assert session.ret == 1
    assert session.result.parseoutcomes() == {"passed": 1}
    assert "leak check failed: the report json:" in session.raw
    assert "INTERNALERROR" not in session.raw
    assert lab.verdicts() == {"test_is_clean": "clean"}
    assert not [entry.name for entry in lab.path.iterdir() if "partial" in entry.name]
