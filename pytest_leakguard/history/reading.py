"""What does a history say on its sessions, tests and causes?

In names that are asked for, ``*`` and ``?`` stand for others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from pytest_leakguard.reports.causes import BY_CONCERN


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session.

    Attributes:
        id: Its number, from 1, in the order in which sessions were recorded.
        time: When it ended: UTC, as ISO 8601 has it.
        commit_name: What was checked out, as git names it; empty if unknown.
        branch: The branch; empty if unknown.
        dirty: Whether files differed from the commit; ``None`` if unknown.
    """

    id: int
    time: str
    commit_name: str
    branch: str
    dirty: int | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one session found, in numbers.

    Attributes:
        session: The session.
        verdicts: How many tests were given each verdict.
        causes: How many causes were seen, told by their fingerprints.
    """

    session: Session
    verdicts: Mapping[str, int]
    causes: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One test in one session.

    Attributes:
        session: The session.
        nodeid: The test.
        verdict: What was decided.
        reason: Why; may be empty.
        growth: Counter to growth per run, where it is not 0; ``None`` where it was not read.
    """

    session: Session
    nodeid: str
    verdict: str
    reason: str
    growth: Mapping[str, float | None]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One cause in one session.

    Attributes:
        session: The session.
        fingerprint: The cause.
        tests: How many tests showed it.
        status: How it stood to the known leaks, the most pressing that a test had.
        objects_per_run: Objects, in the test in which it grew most.
        bytes_per_run: Bytes, in the test in which it grew most.
        type: Type of the objects.
        holder: What holds them.
        pattern: The leak pattern.
    """

    session: Session
    fingerprint: str
    tests: int
    status: str
    objects_per_run: float
    bytes_per_run: float
    type: str
    holder: str
    pattern: str


SESSION_COLUMNS = "session.id, session.time, session.commit_name, session.branch, session.dirty"


def session_of(row: sqlite3.Row) -> Session:
    """Return the session of a row that has its columns."""
    return Session(
        id=row["id"],
        time=row["time"],
        commit_name=row["commit_name"],
        branch=row["branch"],
        dirty=row["dirty"],
    )


def glob_of(pattern: str) -> str:
    """Return SQLite's spelling of a pattern; names of tests and holders have brackets."""
    return pattern.replace("[", "[[]")


def tallies(history: sqlite3.Connection, *, limit: int) -> list[Tally]:
    """Return the latest sessions, the latest first."""
    rows = history.execute(
        f"""
        SELECT {SESSION_COLUMNS},
            (SELECT count(DISTINCT fingerprint) FROM finding WHERE session = session.id) AS causes
        FROM session ORDER BY id DESC LIMIT ?
        """,  # noqa: S608  # names are our own
        (limit,),
    ).fetchall()
    return [
        Tally(
            session=session_of(row),
            verdicts=dict(
                history.execute(
                    "SELECT verdict, count(*) FROM judgement WHERE session = ? GROUP BY verdict",
                    (row["id"],),
                ).fetchall()
            ),
            causes=row["causes"],
        )
        for row in rows
    ]


def judged(history: sqlite3.Connection, test: str, *, limit: int) -> list[Judged]:
    """Return what was decided on tests, the latest first.

    Args:
        history: The history.
        test: Pattern of their node ids.
        limit: How many entries.
    """
    rows = history.execute(
        f"""
        SELECT {SESSION_COLUMNS}, test.id AS test, test.nodeid, judgement.verdict, judgement.reason
        FROM test
        JOIN judgement ON judgement.test = test.id
        JOIN session ON session.id = judgement.session
        WHERE test.nodeid GLOB ?
        ORDER BY session.id DESC, test.nodeid LIMIT ?
        """,  # noqa: S608  # names are our own
        (glob_of(test), limit),
    ).fetchall()
    return [
        Judged(
            session=session_of(row),
            nodeid=row["nodeid"],
            verdict=row["verdict"],
            reason=row["reason"],
            growth=growth_of(history, row["id"], row["test"]),
        )
        for row in rows
    ]


def growth_of(history: sqlite3.Connection, session: int, test: int) -> dict[str, float | None]:
    """Return a test's growth per run, by counter, where it was not 0.

    Args:
        history: The history.
        session: Number of the session.
        test: Number of the test.
    """
    question = "SELECT counter, per_run FROM growth WHERE session = ? AND test = ?"
    return dict(history.execute(question, (session, test)).fetchall())


def causes(
    history: sqlite3.Connection, *, fingerprint: str, holder: str, test: str, limit: int
) -> list[Seen]:
    """Return causes over time, the latest first: each once for a session.

    Args:
        history: The history.
        fingerprint: Pattern of their fingerprints.
        holder: Pattern of their holders.
        test: Pattern of the tests that show them.
        limit: How many entries.
    """
    rows = history.execute(
        f"""
        SELECT {SESSION_COLUMNS}, finding.fingerprint, count(DISTINCT finding.test) AS tests,
            max(finding.objects_per_run) AS objects_per_run,
            max(finding.bytes_per_run) AS bytes_per_run,
            group_concat(DISTINCT finding.status) AS statuses,
            finding.type, finding.holder, finding.pattern
        FROM finding
        JOIN session ON session.id = finding.session
        JOIN test ON test.id = finding.test
        WHERE finding.fingerprint GLOB ? AND finding.holder GLOB ? AND test.nodeid GLOB ?
        GROUP BY session.id, finding.fingerprint
        ORDER BY session.id DESC, tests DESC, finding.fingerprint LIMIT ?
        """,  # noqa: S608  # names are our own
        (glob_of(fingerprint), glob_of(holder), glob_of(test), limit),
    ).fetchall()
    return [
        Seen(
            session=session_of(row),
            fingerprint=row["fingerprint"],
            tests=row["tests"],
            status=min(row["statuses"].split(","), key=_concern),
            objects_per_run=row["objects_per_run"],
            bytes_per_run=row["bytes_per_run"],
            type=row["type"],
            holder=row["holder"],
            pattern=row["pattern"],
        )
        for row in rows
    ]


def _concern(status: str) -> int:
    return BY_CONCERN.index(status) if status in BY_CONCERN else len(BY_CONCERN)


def everything(
    history: sqlite3.Connection,
) -> Iterator[tuple[sqlite3.Row, dict[str, float | None]]]:
    """Yield a row for each finding, and for each judged test without one, with the test's growth.

    Sessions are read one by one, the oldest first, so that a reader that takes its time keeps
    nobody from writing.
    """
    numbers = history.execute("SELECT id FROM session ORDER BY id").fetchall()
    for (number,) in numbers:
        rows = history.execute(
            """
            SELECT session.id AS session, session.time, session.commit_name AS "commit",
                session.branch, session.dirty, session.python, session.platform, session.mode,
                session.whole, session.executions AS session_executions, session.extra_seconds,
                session.counters, judgement.test AS test_number, test.nodeid AS test,
                judgement.verdict, judgement.reason, judgement.executions, judgement.seconds,
                finding.fingerprint, finding.type, finding.holder, finding.pattern,
                finding.status, finding.objects_per_run, finding.bytes_per_run
            FROM judgement
            JOIN session ON session.id = judgement.session
            JOIN test ON test.id = judgement.test
            LEFT JOIN finding
                ON finding.session = judgement.session AND finding.test = judgement.test
            WHERE judgement.session = ?
            ORDER BY judgement.test, finding.position
            """,
            (number,),
        ).fetchall()
        growths: dict[int, dict[str, float | None]] = {}
        question = "SELECT test, counter, per_run FROM growth WHERE session = ?"
        for test, counter, per_run in history.execute(question, (number,)).fetchall():
            growths.setdefault(test, {})[counter] = per_run
        for row in rows:
            read = dict.fromkeys(row["counters"].split(), 0.0)
            yield row, {**read, **growths.get(row["test_number"], {})}
