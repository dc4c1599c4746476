"""Is the file of known leaks read and brought up to date as its owner would?"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import date

import pytest

from pytest_leakguard.baseline import Baseline, KnownLeak, gone, read_known
from pytest_leakguard.baseline.entries import Rate
from pytest_leakguard.baseline.reading import parse_known
from pytest_leakguard.baseline.writing import Changes, update_known, updated
from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.model import Finding, Result

TODAY = date(2030, 6, 15)
TEST = "tests/test_bus.py::test_subscribe[tea]"
FINDING = Finding(
    type="bus.Subscription",
    objects_per_run=1,
    bytes_per_run=272,
    holder="bus.default._subs['tea']",
    fingerprint="7f3c9a1e",
    pattern="event listener",
)
LEAK = Result(verdict="leak", executions=59, findings=(FINDING,), growth={"gc_objects": 1})
UNEXPLAINED = Result(verdict="leak", executions=59, growth={"gc_objects": 0, "native_bytes": 512})
CLEAN = Result(verdict="clean", executions=5)

FILE = """\
# Ours.

# The bus is to be replaced.
[[known]]
fingerprint = "7f3c9a1e"
max_objects = 1   # two listeners, one is dropped
reason = "replaced in 3.0"
issue = "#118"

[[known]]
holder = "lib.*"
reason = "kept upstream"
"""


def baseline(*entries: KnownLeak, updates: bool = False) -> Baseline:
    return Baseline(entries=entries, file="leakguard.toml", today=TODAY, updates=updates)


def test_entries_are_read_with_their_lines():
    first, second = parse_known(FILE, "leakguard.toml")

    assert first == KnownLeak(
        fingerprint="7f3c9a1e",
        max_objects=1,
        reason="replaced in 3.0",
        issue="#118",
        place="leakguard.toml:4",
    )
    assert second == KnownLeak(holder="lib.*", reason="kept upstream", place="leakguard.toml:10")


ENTRY = '[[known]]\nfingerprint = "7f3c9a1e"\nreason = "r"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[known]\n", "known.toml:1: expected valid TOML"),
        (f"{ENTRY}issue = \n", "known.toml:4: expected valid TOML"),
        (f"{ENTRY}<<<<<<< HEAD\n{ENTRY}", "known.toml:4: expected no marks of a merge conflict"),
        (
            f"{ENTRY}\n{ENTRY}",
            "known.toml:5: expected one entry for it; the other is known.toml:1",
        ),
        (f"{ENTRY}reson = 1\n", "known.toml:4: reson: expected one of fingerprint, holder, type"),
        ("[[leaks]]\n", "known.toml:1: expected only [[known]] blocks (got 'leaks')"),
        (f"{ENTRY}[tool]\na = 1\n", "known.toml:4: expected only [[known]] blocks (got 'tool')"),
        ('known = [{reason = "r"}]\n', "known.toml:1: expected each entry as a block of its own"),
        ('[[known]]\nfingerprint = "7f3c9a1e"\n', "known.toml:1: reason: expected a reason"),
        ('[[known]]\nfingerprint = "7f3c9a1e"\nreason = " "\n', "known.toml:3: reason: expected a"),
        ('[[known]]\nreason = "r"\n', "known.toml:1: fingerprint: expected fingerprint, or any of"),
        (f'{ENTRY}type = "list"\n', "known.toml:2: fingerprint: expected fingerprint, or any of"),
        ('[[known]]\nholder = "*"\nreason = "r"\n', "known.toml:2: holder: expected a name, or a"),
        ('[[known]]\ntest = "?*"\nreason = "r"\n', "known.toml:2: test: expected a name, or a"),
        (f'{ENTRY}expires = "soon"\n', "known.toml:4: expires: expected a day, such as 2030-12-31"),
        (f"{ENTRY}expires = 2030-01-01T10:00:00\n", "known.toml:4: expires: expected a day"),
        (f"{ENTRY}max_objects = true\n", "known.toml:4: max_objects: expected a number per run"),
        (f"{ENTRY}max_objects = nan\n", "known.toml:4: max_objects: expected a number per run"),
        (f'{ENTRY}max_bytes = "4 KB"\n', "known.toml:4: max_bytes: expected a size such as"),
        (f'{ENTRY}strict = "no"\n', "known.toml:4: strict: expected true or false (got 'no')"),
        (
            '[[known]]\nfingerprint = "7F3C"\nreason = "r"\n',
            "known.toml:2: fingerprint: expected",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_line(text, said):
    with pytest.raises(InvalidSettingError) as refused:
        parse_known(text, "known.toml")

    assert str(refused.value).startswith(said)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b'reason = "\xe9"')

    with pytest.raises(InvalidSettingError, match=r"latin\.toml: expected a file in UTF-8"):
        read_known(tmp_path / "latin.toml", "latin.toml")
    with pytest.raises(InvalidSettingError, match=r"expected a file that can be read"):
        read_known(tmp_path, "a directory")


@pytest.mark.parametrize(
    "stated",
    [
        {"fingerprint": "7f3c9a1e"},
        {"holder": "bus.default._subs['tea']"},
        {"holder": "bus.*"},
        {"type": "bus.Subscription"},
        {"test": TEST},
        {"test": "tests/test_bus.py::*", "type": "bus.*"},
        {"holder": "bus.*", "max_objects": 1, "max_bytes": 272},
        {"holder": "bus.*", "expires": TODAY},
    ],
    ids=str,
)
def test_a_leak_that_an_entry_covers_is_known(stated):
    entry = KnownLeak(reason="replaced in 3.0", issue="#118", **stated)

    judged = baseline(entry).apply(TEST, LEAK)

    assert (judged.verdict, judged.reason) == ("known", "replaced in 3.0 (#118)")
    assert [finding.status for finding in judged.findings] == ["known"]


@pytest.mark.parametrize(
    "stated",
    [
        {"fingerprint": "00000000"},
        {"holder": "bus.default._subs['milk']"},
        {"type": "bus.*", "holder": "lib.*"},
        {"test": "tests/test_bus.py::test_subscribe"},
        {"test": TEST, "type": "list"},
    ],
    ids=str,
)
def test_a_leak_that_no_entry_covers_is_new(stated):
    judged = baseline(KnownLeak(reason="r", **stated)).apply(TEST, LEAK)

    assert judged.verdict == "leak"
    assert [finding.status for finding in judged.findings] == ["new"]


@pytest.mark.parametrize(
    ("stated", "status", "said"),
    [
        ({"max_objects": 0.5}, "worse", "more than the 0.5 objects per run recorded in"),
        ({"max_bytes": 271}, "worse", "more than the 271 B per run recorded in"),
        ({"expires": date(2030, 6, 14)}, "expired", "known until 2030-06-14 (leakguard.toml:7): r"),
    ],
)
def test_what_is_worse_or_has_expired_fails(stated, status, said):
    entry = KnownLeak(fingerprint="7f3c9a1e", reason="r", place="leakguard.toml:7", **stated)

    judged = baseline(entry).apply(TEST, LEAK)

    assert judged.verdict == "leak"
    assert judged.findings[0].status == status
    assert judged.findings[0].status_reason.startswith(said)
    assert "leakguard.toml:7" in judged.findings[0].status_reason


def test_one_entry_that_tolerates_it_is_enough():
    worse = KnownLeak(fingerprint="7f3c9a1e", reason="a", max_objects=0)
    wide = KnownLeak(holder="bus.*", reason="b")

    assert baseline(worse, wide).apply(TEST, LEAK).verdict == "known"


def test_new_causes_stand_before_known_ones():
    new = replace(FINDING, fingerprint="11111111", bytes_per_run=1)
    entry = KnownLeak(fingerprint="7f3c9a1e", reason="r")

    judged = baseline(entry).apply(TEST, replace(LEAK, findings=(FINDING, new)))

    assert judged.verdict == "leak"
    stated = [(finding.fingerprint, finding.status) for finding in judged.findings]
    assert stated == [("11111111", "new"), ("7f3c9a1e", "known")]


def test_growth_without_a_cause_is_covered_by_its_test_alone():
    by_test = KnownLeak(test="tests/test_bus.py::*", reason="r", max_bytes=512)
    by_type = KnownLeak(type="bus.*", reason="r")

    assert baseline(by_test).apply(TEST, UNEXPLAINED).verdict == "known"
    assert baseline(by_type).apply(TEST, UNEXPLAINED).verdict == "leak"
    worse = baseline(replace(by_test, max_bytes=511)).apply(TEST, UNEXPLAINED)
    assert (worse.verdict, worse.reason[:9]) == ("leak", "more than")


def test_other_verdicts_stay():
    undecided = Result(verdict="inconclusive", reason="still growing", executions=99)
    entry = KnownLeak(test=TEST, reason="r")

    assert baseline(entry).apply(TEST, CLEAN) is CLEAN
    assert baseline().apply(TEST, undecided) is undecided
    assert baseline(entry).apply(TEST, undecided).verdict == "known"


ENTRIES = {
    "by fingerprint": KnownLeak(fingerprint="7f3c9a1e", reason="r"),
    "by one test": KnownLeak(test=TEST, reason="r"),
    "by tests": KnownLeak(test="tests/*", reason="r"),
}
UNJUDGED = Result(verdict="unchecked", reason="the test did not pass", executions=1)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_gone_when_all_was_judged_and_nothing_fits(name):
    entry = ENTRIES[name]

    assert gone([entry], [(TEST, CLEAN)], whole=True) == [entry]
    assert gone([entry], [(TEST, LEAK)], whole=True) == []
    assert gone([entry], [(TEST, UNJUDGED)], whole=True) == []
    assert gone([entry], [(TEST, UNEXPLAINED)], whole=True) == []


def test_a_session_of_chosen_tests_can_miss_only_what_names_one_of_them():
    tests = [(TEST, CLEAN)]

    assert gone(ENTRIES.values(), tests, whole=False) == [ENTRIES["by one test"]]
    assert gone([replace(ENTRIES["by one test"], test="other")], tests, whole=False) == []


RATE = Rate(objects=1, size_bytes=64)


def changes(*, added=(), raised=(), removed=()) -> Changes:
    return Changes(
        added={("fingerprint", digits): (RATE, "", "r") for digits in added},
        raised=dict(raised),
        removed={KnownLeak(reason="r", **stated).key for stated in removed},
    )


def test_without_changes_nothing_moves():
    assert updated(FILE, "leakguard.toml", changes()) == FILE


def test_a_new_entry_finds_its_place_among_fingerprints():
    text = updated(FILE, "f", changes(added=["00000001", "99999999"]))

    entries = parse_known(text, "f")
    assert [entry.fingerprint for entry in entries] == ["00000001", "7f3c9a1e", "", "99999999"]
    for line in FILE.splitlines():
        assert line in text.splitlines()
    assert "# The bus is to be replaced.\n[[known]]" in text


def test_what_stands_close_together_stays_so():
    close = f'{ENTRY}[[known]]\nholder = "lib.*"\nreason = "r"'

    assert updated(close, "f", changes(added=["99999999"])).startswith(f"{close}\n\n[[known]]")
    before = updated(close, "f", changes(added=["00000001"]))
    assert before.endswith(f"\n\n{close}")


def test_an_entry_that_goes_takes_its_comment_and_nothing_else():
    text = updated(FILE, "f", changes(removed=[{"fingerprint": "7f3c9a1e"}]))

    assert text == '# Ours.\n\n[[known]]\nholder = "lib.*"\nreason = "kept upstream"\n'


def test_a_limit_is_raised_beside_its_comment():
    key = KnownLeak(fingerprint="7f3c9a1e", reason="r").key
    rate = Rate(objects=3, size_bytes=900)

    text = updated(FILE, "f", changes(raised={key: rate}))

    assert text == FILE.replace("max_objects = 1 ", "max_objects = 3 ")


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("ending", ["", "newline"])
def test_line_ends_stay(newline, ending):
    text = FILE.replace("\n", newline)
    text = text if ending else text.removesuffix(newline)

    after = updated(text, "f", changes(added=["99999999"]))

    assert after.startswith(text)
    assert after.count("\n") == after.count(newline)
    assert len(parse_known(after, "f")) == 3


def test_a_session_s_leaks_are_recorded_once_each():
    twice = replace(FINDING, objects_per_run=2)
    tests = [(TEST, LEAK), ("b", replace(LEAK, findings=(twice,))), ("c", UNEXPLAINED)]

    text = updated("", "f", Changes.of_session([], tests, []))

    by_fingerprint, by_test = sorted(parse_known(text, "f"), key=lambda entry: entry.test)
    assert (by_fingerprint.fingerprint, by_fingerprint.max_objects) == ("7f3c9a1e", 2)
    assert by_fingerprint.reason == "recorded by --leak-update-known: event listener, seen in b"
    assert (by_test.test, by_test.max_bytes) == ("c", 640)
    judged = baseline(by_fingerprint, by_test)
    assert all(judged.apply(nodeid, result).verdict == "known" for nodeid, result in tests)


def test_what_is_worse_is_raised_and_what_is_covered_stays():
    entries = parse_known(FILE, "f")
    worse = replace(LEAK, findings=(replace(FINDING, objects_per_run=1.5),))

    asked = Changes.of_session(entries, [(TEST, worse)], [])
    text = updated(FILE, "f", asked)

    assert str(asked) == "0 added, 1 raised, 0 removed"
    assert parse_known(text, "f")[0].max_objects == 1.88
    assert not Changes.of_session(parse_known(text, "f"), [(TEST, worse)], [])


def test_names_with_quotes_and_control_characters_are_escaped():
    nodeid = "test_it.py::test[\"\\\x07\n#']"
    hostile = replace(FINDING, holder="a\nb['\x7f']", type='"""')
    tests = [(nodeid, UNEXPLAINED), (nodeid, replace(LEAK, findings=(hostile,)))]

    text = updated("", "f", Changes.of_session([], tests, []))

    assert {entry.test for entry in parse_known(text, "f")} == {"", nodeid}


def test_the_file_is_made_with_what_explains_it(tmp_path):
    path = tmp_path / "leakguard.toml"

    update_known(path, "leakguard.toml", changes(added=["99999999"]))

    assert path.read_text(encoding="utf-8").startswith("# Leaks that are known")
    assert [entry.fingerprint for entry in read_known(path, "f")] == ["99999999"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["leakguard.toml"]


@pytest.mark.skipif(os.name == "nt", reason="links and modes are of POSIX")
def test_a_link_is_followed_and_the_mode_stays(tmp_path):
    target, link = tmp_path / "target.toml", tmp_path / "leakguard.toml"
    target.write_text(FILE, encoding="utf-8")
    target.chmod(0o640)
    link.symlink_to(target)

    update_known(link, "leakguard.toml", changes(added=["99999999"]))

    assert link.is_symlink()
    assert len(read_known(target, "f")) == 3
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_it_as_it_was(tmp_path, monkeypatch, failing):
    path = tmp_path / "leakguard.toml"
    path.write_text(FILE, encoding="utf-8")

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, failing, refuse)
    with pytest.raises(OSError, match="No space left"):
        update_known(path, "leakguard.toml", changes(added=["99999999"]))

    assert path.read_text(encoding="utf-8") == FILE
    assert [entry.name for entry in tmp_path.iterdir()] == ["leakguard.toml"]


def test_what_others_have_written_since_is_kept(tmp_path):
    path = tmp_path / "leakguard.toml"
    other = ENTRY.replace("7f3c9a1e", "99999999").replace('"r"', '"by hand"')
    path.write_text(other, encoding="utf-8")

    update_known(path, "leakguard.toml", changes(added=["99999999"]))
    assert path.read_text(encoding="utf-8") == other

    path.write_text("[[known]\n", encoding="utf-8")
    with pytest.raises(InvalidSettingError, match="expected valid TOML"):
        update_known(path, "leakguard.toml", changes(added=["99999999"]))
    assert path.read_text(encoding="utf-8") == "[[known]\n"
