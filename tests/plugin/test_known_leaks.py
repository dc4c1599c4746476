"""Do known leaks pass, new ones fail, and is the file of them kept as its owner would?"""

from __future__ import annotations

import re

import pytest

_SUITE = """
import pytest

kept, cache = [], {}

class Document: pass

def keep():
    kept.append(Document())

@pytest.mark.parametrize("number", range(2))
def test_keeps(number):
    keep()

def test_caches():
    cache[object()] = []

def test_is_clean():
    pass
"""


@pytest.fixture
def checked(lab):
    """Check the suite; returns the session, whose JSON report is valid."""

    def run(*options: str, plugins: tuple[str, ...] = (), suite: str = _SUITE):
        lab.write({"test_it.py": suite, "pytest.ini": "[pytest]\n"})
        return lab.checked("--leak-confirm=2 s", *options, plugins=plugins)

    return run


def write(lab, *entries: str) -> None:
    blocks = (f"[[known]]\n{entry}\n" for entry in entries)
    (lab.path / "leakguard.toml").write_text("\n".join(blocks), encoding="utf-8")


def read(lab) -> str:
    return (lab.path / "leakguard.toml").read_text(encoding="utf-8")


def statuses(lab) -> dict[str, list[str]]:
    return {
        test["nodeid"].rpartition("::")[2]: [finding["status"] for finding in test["findings"]]
        for test in lab.json()["tests"]
        if test["findings"]
    }


KEPT = 'holder = "test_it.kept"\nreason = "replaced in 3.0"\nissue = "#118"'
CACHE = 'type = "list"\ntest = "*::test_caches"\nreason = "by design"'


@pytest.mark.parametrize("plugins", [(), ("xdist",)], ids=["plain", "xdist"])
def test_known_leaks_pass_and_new_ones_fail(checked, lab, plugins):
    write(lab, KEPT)

    session = checked(*(["-n2"] if plugins else []), plugins=plugins)

    assert session.ret == 1
    assert session.result.parseoutcomes() == {"passed": 3, "failed": 1}
    assert "3 leaking (1 new, 2 known)" in session.summary
    assert "known: 2 tests: replaced in 3.0 (#118)" in session.raw
    known = {"test_keeps[0]": ["known"], "test_keeps[1]": ["known"]}
    assert statuses(lab) == {**known, "test_caches": ["new"]}


def test_one_cause_that_many_tests_see_is_one_row(checked, lab):
    write(lab, KEPT)

    lines = checked().raw.splitlines()

    start = next(n for n, line in enumerate(lines) if line.startswith("tests  objects"))
    rows = [re.sub(r"\b[0-9a-f]{8}\b", "FINGERPRINT", line) for line in lines[start : start + 3]]
    assert [row.split() for row in rows] == [
        ["tests", "objects", "bytes", "status", "fingerprint", "held", "by"],
        ["1", "+1", "+72", "B", "new", "FINGERPRINT", "test_it.cache", "(list)"],
        ["2", "+1", "+56", "B", "known", "FINGERPRINT", "test_it.kept", "(test_it.Document)"],
    ]


def test_the_lines_that_a_report_ends_with_make_it_known(checked, lab):
    failed = checked()
    assert failed.result.parseoutcomes() == {"passed": 1, "failed": 3}

    pages = re.findall(r"(?m)^ accept .*\n((?: {12}.*\n)+)", failed.raw)
    assert len(pages) == 3
    pasted = "\n".join(dict.fromkeys(pages))
    refused = pasted
    (lab.path / "leakguard.toml").write_text(refused, encoding="utf-8")
    without_reason = checked()
    assert without_reason.ret == 4
    assert "leakguard.toml:3: reason: expected a reason that says why" in without_reason.err

    (lab.path / "leakguard.toml").write_text(pasted.replace('""', '"old"'), encoding="utf-8")
    passed = checked()
    assert passed.result.parseoutcomes() == {"passed": 4}
    assert "3 leaking (0 new, 3 known)" in passed.summary


@pytest.mark.parametrize("plugins", [(), ("xdist",)], ids=["plain", "xdist"])
def test_a_session_records_its_leaks_and_removes_what_is_gone(checked, lab, plugins):
    workers = ["-n2"] if plugins else []
    write(lab, 'fingerprint = "00000000"\nreason = "long ago"', f"# by design\n{CACHE}")

    session = checked("--leak-update-known", *workers, plugins=plugins)

    assert session.ret == 0
    assert session.result.parseoutcomes() == {"passed": 4}
    assert "known leaks: leakguard.toml: 1 added, 0 raised, 1 removed" in session.raw
    text = read(lab)
    assert "00000000" not in text
    assert f"[[known]]\n# by design\n{CACHE}\n" in text
    assert 'max_objects = 1\nreason = "recorded by --leak-update-known: ' in text
    again = checked(*workers, plugins=plugins)
    assert again.ret == 0
    assert "known leaks:" not in again.raw
    unchanged = checked("--leak-update-known", *workers, plugins=plugins)
    assert "known leaks: leakguard.toml: up to date" in unchanged.raw
    assert read(lab) == text


def test_what_grows_faster_than_recorded_fails_until_it_is_recorded(checked, lab):
    write(lab, CACHE)
    assert checked("--leak-update-known").ret == 0
    faster = _SUITE.replace("    keep()\n", "    keep()\n    keep()\n")

    session = checked(suite=faster)

    assert session.result.parseoutcomes() == {"passed": 2, "failed": 2}
    place = re.escape("leakguard.toml:") + r"\d+"
    assert re.search(rf"worse +more than the 1 object per run recorded in {place}", session.raw)
    assert statuses(lab)["test_keeps[0]"] == ["worse"]
    assert "1 raised" in checked("--leak-update-known", suite=faster).raw
    assert "max_objects = 2" in read(lab)
    assert checked(suite=faster).ret == 0


def test_an_expired_entry_fails(checked, lab):
    write(lab, CACHE, f"{KEPT}\nexpires = 2020-01-31")

    session = checked()

    assert session.result.parseoutcomes() == {"passed": 2, "failed": 2}
    said = "known until 2020-01-31 (leakguard.toml:6): replaced in 3.0 (#118)"
    assert f"expired    {said}" in session.raw
    assert statuses(lab)["test_keeps[0]"] == ["expired"]


FIXED = _SUITE.replace("    kept.append(Document())", "    pass")


def test_an_entry_that_nothing_fits_fails_the_session(checked, lab):
    write(lab, CACHE, KEPT)

    session = checked(suite=FIXED)

    assert session.ret == 1
    assert session.result.parseoutcomes() == {"passed": 4}
    said = "leak check failed: leakguard.toml:6: no leak fits holder 'test_it.kept' any more"
    assert f"{said} (replaced in 3.0 (#118)); remove the entry" in session.raw
    write(lab, CACHE, f"{KEPT}\nstrict = false")
    assert checked(suite=FIXED).ret == 0


@pytest.mark.parametrize(
    "options",
    [
        ("-k", "caches"),
        ("test_it.py",),
        ("--leak-mode=marked",),
        ("--leak-sample=1%", "--leak-sample-seed=1"),
        ("--maxfail=1", "-k", "not clean"),
    ],
    ids=" ".join,
)
def test_a_part_of_the_suite_says_nothing_about_the_rest(checked, lab, options):
    write(lab, CACHE, 'fingerprint = "00000000"\nreason = "not looked for here"')

    session = checked(*options, suite=FIXED)

    assert "no leak fits" not in session.raw


def test_a_test_that_fails_may_hide_a_leak(checked, lab):
    write(lab, CACHE, KEPT)

    session = checked(suite=f"{FIXED}\ndef test_fails():\n    assert 0\n")

    assert "no leak fits" not in session.raw


def test_a_skipped_test_hides_none(checked, lab):
    write(lab, CACHE, KEPT)

    session = checked(suite=f"{FIXED}\n@pytest.mark.skip\ndef test_skipped(): pass\n")

    assert "no leak fits holder 'test_it.kept'" in session.raw


def test_marked_tests_are_excused_as_well(checked, lab):
    write(lab, KEPT)
    suite = _SUITE.replace("def test_caches():\n    cache[object()] = []", "def test_b(): pass")

    session = checked("--leak-mode=marked", suite=f"{suite}\npytestmark = pytest.mark.noleak\n")

    assert session.ret == 0
    assert "2 leaking (0 new, 2 known)" in session.summary


def test_a_leaks_marker_comes_first_and_is_not_recorded(checked, lab):
    suite = """
import pytest
kept = []
@pytest.mark.leaks("the parser keeps every document")
def test_it():
    kept.append(object())
"""
    session = checked("--leak-update-known", suite=suite)

    assert session.ret == 0
    assert "known leaks: leakguard.toml: up to date" in session.raw
    assert not (lab.path / "leakguard.toml").exists()


def test_the_path_is_given_by_option_or_ini(checked, lab):
    lab.write({"ci/known.toml": f"[[known]]\n{KEPT}\n\n[[known]]\n{CACHE}\n"})

    assert checked("--leak-known=ci/known.toml").ret == 0
    assert checked("-o", "leak_known=ci/known.toml").ret == 0
    assert checked().ret == 1


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("[[known]\n", (), "leakguard.toml:1: expected valid TOML"),
        ("<<<<<<< HEAD\n", (), "leakguard.toml:1: expected no marks of a merge conflict"),
        ("", ("--leak-known=none.toml",), "--leak-known: expected a file of known leaks"),
        ("", ("--leak-known=.", "--leak-update-known"), "expected a path that can be written, not"),
        ("", ("--leak-fail-on=leaks",), "--leak-fail-on: expected leak, worse, inconclusive, unch"),
    ],
)
def test_bad_input_stops_before_any_test(checked, lab, text, options, said):
    (lab.path / "leakguard.toml").write_text(text, encoding="utf-8")
    suite = "import pathlib\npathlib.Path('imported').touch()\ndef test_it(): pass\n"

    session = checked(*options, suite=suite)

    assert session.ret == 4
    assert said in session.err
    assert not (lab.path / "imported").exists()
    assert (lab.path / "leakguard.toml").read_text(encoding="utf-8") == text


def test_a_broken_file_is_no_concern_of_a_session_that_checks_nothing(checked, lab):
    (lab.path / "leakguard.toml").write_text("[[known]\n", encoding="utf-8")

    assert checked("--leak-mode=off").ret == 0
