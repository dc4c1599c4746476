"""Is a session kept whole or not at all, and is what a history answers what was recorded?"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sample
from hypothesis import given
from hypothesis import strategies as st

from pytest_leakguard.errors import UnusableHistoryError
from pytest_leakguard.escaping import printable
from pytest_leakguard.history import database, plotting, reading, series
from pytest_leakguard.history.database import opened, require_usable
from pytest_leakguard.history.exporting import as_text
from pytest_leakguard.history.storing import prune, record
from pytest_leakguard.model import Finding, Result
from pytest_leakguard.reports import SessionFacts, TestOutcome
from pytest_leakguard.repository import Revision, revision_of

REVISION = Revision(commit="c0ffee" + "0" * 34, branch="main", dirty=False)


def finding(fingerprint: str = "7f3c9a1e", **more: object) -> Finding:
    values = {
        "type": "bus.Subscription",
        "objects_per_run": 2.0,
        "bytes_per_run": 544.0,
        "holder": "bus.default._subs['tea']",
        "pattern": "event listener",
        "status": "new",
    }
    return Finding(fingerprint=fingerprint, **{**values, **more})


def outcome(nodeid: str, *findings: Finding, verdict: str = "", **more: object) -> TestOutcome:
    verdict = verdict or ("leak" if findings else "clean")
    result = Result(
        verdict=verdict, executions=5, seconds=0.25, findings=findings, **{"growth": {}, **more}
    )
    return TestOutcome(nodeid=nodeid, kind="suite", result=result)


def facts(*tests: TestOutcome) -> SessionFacts:
    return sample.facts(*tests, counters=("gc_objects", "native_bytes"))


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "leaks.db"


def rows(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


def test_all_of_a_session_is_kept(path):
    growth = {"gc_objects": 2, "native_bytes": 0, "traced_bytes": None}
    record(
        path,
        facts(
            outcome("test_a.py::test_leaks", finding(), finding("00c0ffee"), growth=growth),
            outcome("test_a.py::test_stalls", verdict="inconclusive", reason="fails on re-run"),
            TestOutcome(nodeid="skipped", kind="", result=Result(verdict="unchecked")),
        ),
        REVISION,
    )

    ((number, time, *session),) = rows(path, "SELECT * FROM session")
    assert number == 1
    assert datetime.fromisoformat(time).utcoffset() == timedelta(0)
    assert session == [
        *("c0ffee" + "0" * 34, "main", 0, "3.11.7", "Linux", "all"),
        *("gc_objects native_bytes", 10, 2.5, 1),
    ]
    assert rows(path, "SELECT nodeid, j.* FROM judgement j JOIN test ON test = test.id") == [
        ("test_a.py::test_leaks", 1, 1, "leak", "", 5, 0.25),
        ("test_a.py::test_stalls", 1, 2, "inconclusive", "fails on re-run", 5, 0.25),
    ]
    assert rows(path, "SELECT test, counter, per_run FROM growth") == [
        (1, "gc_objects", 2.0),
        (1, "traced_bytes", None),
    ]
    assert rows(path, "SELECT * FROM finding")[1] == (
        *(1, 1, 1, "00c0ffee", "bus.Subscription", "bus.default._subs['tea']"),
        *("event listener", "new", 2.0, 544.0),
    )


@pytest.mark.parametrize("tests", [(), (outcome("a", verdict="unchecked"),)])
def test_a_session_that_has_judged_nothing_is_not_kept(path, tests):
    record(path, facts(*tests), REVISION)

    assert not path.exists()


def test_names_that_are_no_unicode_and_hostile_ones_are_kept_as_text(path):
    holder = "x'); DROP TABLE session; --\x00\x1b[2J"
    record(path, facts(outcome("a\udcff.py::test", finding(holder=holder))), Revision())

    assert rows(path, "SELECT nodeid FROM test") == [(r"a\udcff.py::test",)]
    assert rows(path, "SELECT holder FROM finding") == [(holder,)]
    assert rows(path, "SELECT commit_name, branch, dirty FROM session") == [("", "", None)]


def test_a_session_that_breaks_off_leaves_nothing(path):
    record(path, facts(outcome("a")), REVISION)
    broken = facts(outcome("b"), outcome("c", verdict=object()))

    with pytest.raises(UnusableHistoryError, match=r"leaks\.db: .*parameter"):
        record(path, broken, REVISION)

    assert rows(path, "SELECT nodeid FROM test") == [("a",)]
    assert rows(path, "SELECT count(*) FROM session") == [(1,)]


def test_a_writer_waits_for_another(path):
    record(path, facts(outcome("a")), REVISION)
    failures: list[BaseException] = []

    def write() -> None:
        try:
            record(path, facts(outcome("b")), REVISION)
        except BaseException as error:  # shown by the assertion
            failures.append(error)

    with opened(path, writes=True) as history:
        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        history.execute("UPDATE session SET branch = 'other'")
        history.execute("COMMIT")
    for writer in writers:
        writer.join()

    assert not failures
    assert rows(path, "SELECT branch FROM session ORDER BY id") == [("other",), *[("main",)] * 4]


def test_a_writer_that_waits_in_vain_says_so(path, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0)
    record(path, facts(outcome("a")), REVISION)

    with (
        opened(path, writes=True),
        pytest.raises(UnusableHistoryError, match="database is locked"),
    ):
        record(path, facts(outcome("b")), REVISION)


def altered(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: altered(path, "PRAGMA user_version = 2"), "its version is 2, and this"),
        (lambda path: altered(path, "PRAGMA application_id = 7"), "a database of something else"),
        (lambda path: path.write_bytes(b"no database\n" * 500), "file is not a database"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40960),
            "malformed|damaged",
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:9000]), "malformed|damaged"),
    ],
    ids=["newer", "other", "text", "overwritten", "cut off"],
)
def test_a_file_that_is_no_history_is_refused_and_stays_as_it_is(path, spoil, said):
    for number in range(30):
        record(path, facts(*(outcome(f"{number} {test}") for test in range(9))), REVISION)
    spoil(path)
    before = path.read_bytes()

    with pytest.raises(UnusableHistoryError, match=said):
        require_usable(path)
    assert path.read_bytes() == before


def test_another_s_database_is_refused_and_stays_as_it_is(path):
    altered(path, "CREATE TABLE theirs (x)")
    before = path.read_bytes()

    for use in (require_usable, lambda path: record(path, facts(outcome("a")), REVISION)):
        with pytest.raises(UnusableHistoryError, match="a database of something else"):
            use(path)
    assert path.read_bytes() == before


def test_what_is_not_there_or_empty_can_be_used(path):
    require_usable(path)
    assert not path.exists()
    path.touch()

    require_usable(path)
    record(path, facts(outcome("a")), REVISION)

    require_usable(path)
    assert rows(path, "SELECT count(*) FROM session") == [(1,)]


def test_nothing_is_made_by_asking(path):
    with pytest.raises(UnusableHistoryError, match="there is no such file"), opened(path):
        pass
    with pytest.raises(UnusableHistoryError, match="there is no such file"):
        prune(path, keep=1)
    assert not path.exists()


def test_a_directory_is_no_history(tmp_path):
    with pytest.raises(UnusableHistoryError, match="not a file"):
        require_usable(tmp_path)


def test_pruning_keeps_the_latest_and_gives_the_disk_back(path):
    for number in range(50):
        once = [outcome(f"{number} {'x' * 4000}", finding(), growth={"fds": 1})]
        record(path, facts(*once, outcome("each")), REVISION)
    before = path.stat().st_size

    assert prune(path, keep=2) == (48, 2)

    assert rows(path, "SELECT id FROM session") == [(49,), (50,)]
    assert rows(path, "SELECT substr(nodeid, 1, 4) FROM test ORDER BY 1") == [
        ("48 x",),
        ("49 x",),
        ("each",),
    ]
    assert rows(path, "SELECT count(*) FROM judgement") == [(4,)]
    assert rows(path, "SELECT count(*) FROM growth") == rows(path, "SELECT count(*) FROM finding")
    assert rows(path, "SELECT count(*) FROM finding") == [(2,)]
    assert path.stat().st_size < before / 2
    assert prune(path, keep=2) == (0, 2)


@pytest.fixture
def three_sessions(path):
    """Keep a leak that comes, is worse, and is gone."""
    name = "test_a.py::test[x]"
    slow = finding("00c0ffee", holder="shop.cache", objects_per_run=0)
    record(path, facts(outcome(name), outcome("test_b.py::test_b", slow)), REVISION)
    found = [finding(status="known"), finding(objects_per_run=7.0, status="worse")]
    leaking = [
        outcome(name, found[0], growth={"gc_objects": 2.0}),
        outcome("test_b.py::test_b", found[1], verdict="known"),
    ]
    record(path, facts(*leaking), Revision(commit="decade" * 6, branch="b", dirty=True))
    record(path, facts(outcome("test_b.py::test_b")), Revision())
    return path


def test_sessions_are_counted_the_latest_first(three_sessions):
    with opened(three_sessions) as history:
        tallies = reading.tallies(history, limit=2)

    assert [(tally.session.id, dict(tally.verdicts), tally.causes) for tally in tallies] == [
        (3, {"clean": 1}, 0),
        (2, {"leak": 1, "known": 1}, 1),
    ]


def test_brackets_in_names_stand_for_themselves(three_sessions):
    with opened(three_sessions) as history:
        found = reading.judged(history, "*::test[x]", limit=9)
        by_letter = reading.judged(history, "*::test[wxy]", limit=9)

    assert [(entry.session.id, entry.verdict, entry.growth) for entry in found] == [
        (2, "leak", {"gc_objects": 2.0}),
        (1, "clean", {}),
    ]
    assert not by_letter


def test_a_cause_is_told_once_for_a_session_as_it_grows_most(three_sessions):
    with opened(three_sessions) as history:
        (seen,) = reading.causes(history, fingerprint="7f3c9a1e", holder="bus.*", test="*", limit=9)
        others = reading.causes(history, fingerprint="*", holder="shop.*", test="*", limit=9)
        (of_test,) = reading.causes(history, fingerprint="*", holder="*", test="*[x]", limit=9)

    assert (seen.tests, seen.objects_per_run, seen.status) == (2, 7.0, "worse")
    assert [other.fingerprint for other in others] == ["00c0ffee"]
    assert (of_test.tests, of_test.objects_per_run, of_test.status) == (1, 2.0, "known")


def numbers(points: list[series.Point]) -> list[float | None]:
    return [value for _, value in points]


def test_a_session_says_nothing_on_what_it_has_not_judged(three_sessions):
    with opened(three_sessions) as history:
        cause = series.cause_over_time(history, "7f3c9a1e", in_bytes=False, limit=9)
        in_bytes = series.cause_over_time(history, "7f3c9a1e", in_bytes=True, limit=2)
        unknown = series.cause_over_time(history, "ffffffff", in_bytes=True, limit=9)
        objects = series.counter_over_time(history, "test_a.py::test[x]", "gc_objects", limit=9)
        uncounted = series.counter_over_time(history, "test_a.py::test[x]", "fds", limit=9)
        leaking = series.leaking_over_time(history, limit=9)

    assert numbers(cause) == [0, 7.0, 0]
    assert numbers(in_bytes) == [544.0, 0]
    assert numbers(unknown) == [None] * 3
    assert numbers(objects) == [0, 2.0, None]
    assert numbers(uncounted) == [None] * 3
    assert numbers(leaking) == [1, 2, 0]


@pytest.mark.parametrize(
    ("text", "shown", "in_a_sheet"),
    [
        ("näme", "näme", "näme"),
        ("a\x1b[2Jb\r\n\u202e", "a\\x1b[2Jb\\r\\n\\u202e", "a\\x1b[2Jb\\r\\n\\u202e"),
        ("=1+1", "=1+1", "'=1+1"),
        ("-2", "-2", "'-2"),
        (" @x", " @x", "' @x"),
        ("\t=x", "\\t=x", "\\t=x"),
        ("＋1", "＋1", "'＋1"),  # noqa: RUF001  # as East Asian editions take it
        ("'=x", "'=x", "''=x"),
    ],
)
def test_text_is_made_harmless(text, shown, in_a_sheet):
    assert printable(text) == shown
    assert as_text(text) == in_a_sheet


@given(
    st.lists(st.floats(-1e15, 1e15).filter(lambda value: not 0 < abs(value) < 1e-6), min_size=1),
    st.booleans(),
)
def test_the_lines_of_a_plot_are_few_and_take_all_values_in(values, are_sizes):
    step, lowest, highest = plotting._lines(values, are_sizes=are_sizes)

    assert lowest * step <= min(0, *values) <= max(0, *values) < highest * step
    assert 1 <= highest - lowest <= 15


@pytest.mark.parametrize(
    ("highest", "are_sizes", "step"),
    [(0, False, 0.1), (1, False, 0.1), (3, False, 0.25), (70, False, 5), (3072, True, 256)],
)
def test_the_lines_of_a_plot_are_round(highest, are_sizes, step):
    assert plotting._lines([highest], are_sizes=are_sizes)[0] == pytest.approx(step)


@pytest.fixture
def git(git_in, tmp_path):
    """Run git in a repository without a commit."""
    run = git_in(tmp_path)
    run("init", "-q", "-b", "main")
    return run


def test_a_revision_is_what_git_says(git, tmp_path):
    assert revision_of(tmp_path) == Revision()

    (tmp_path / "kept").write_text("1", encoding="utf-8")
    git("add", "kept")
    git("commit", "-q", "-m", "first")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "unknown").touch()
    assert revision_of(tmp_path) == Revision(commit=commit, branch="main", dirty=False)

    (tmp_path / "kept").write_text("2", encoding="utf-8")
    git("checkout", "-q", "--detach")
    assert revision_of(tmp_path) == Revision(commit=commit, branch="", dirty=True)


def test_without_a_repository_or_git_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert revision_of(tmp_path) == Revision()

    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision_of(tmp_path) == Revision()


def test_a_history_that_is_read_only_is_refused(path, monkeypatch):
    record(path, facts(outcome("test_it.py::test_it")), REVISION)
    monkeypatch.setattr(database.os, "access", lambda *_: False)  # root may write anywhere

    with pytest.raises(UnusableHistoryError, match="the file cannot be written"):
        require_usable(path)
