"""How did a number change from session to session?"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from pytest_leakguard.history.reading import SESSION_COLUMNS, Session, glob_of, session_of

#: A number of a session; ``None`` where the session could not tell.
Point = tuple[Session, float | None]


def name_of(history: sqlite3.Connection, fingerprint: str) -> str:
    """Return a cause in words, as it was seen last; its fingerprint alone if it never was."""
    question = "SELECT type, holder FROM finding WHERE fingerprint = ? ORDER BY session DESC"
    row = history.execute(question, (fingerprint,)).fetchone()
    return fingerprint if row is None else f"{row['type']} held by {row['holder']} ({fingerprint})"


def nodeids_like(history: sqlite3.Connection, test: str) -> list[str]:
    """Return the node ids that fit a pattern, in order; the one that it spells, if there is."""
    rows = history.execute("SELECT nodeid FROM test WHERE nodeid = ?", (test,)).fetchall()
    if not rows:
        question = "SELECT nodeid FROM test WHERE nodeid GLOB ? ORDER BY nodeid"
        rows = history.execute(question, (glob_of(test),)).fetchall()
    return [nodeid for (nodeid,) in rows]


def leaking_over_time(history: sqlite3.Connection, *, limit: int) -> list[Point]:
    """Return how many tests leaked, known or not, in the latest sessions, the oldest first."""
    return _points(
        history,
        """
        SELECT count(*) FROM judgement
        WHERE session = :session AND verdict IN ('leak', 'known')
        """,
        {},
        limit,
    )


def cause_over_time(
    history: sqlite3.Connection, fingerprint: str, *, in_bytes: bool, limit: int
) -> list[Point]:
    """Return how a cause grew per run, where it grew most, the oldest session first.

    A session that did not show it says 0 if it judged a test that shows it in others.

    Args:
        history: The history.
        fingerprint: The cause.
        in_bytes: Whether bytes are asked for, not objects.
        limit: How many sessions.
    """
    measured = "bytes_per_run" if in_bytes else "objects_per_run"
    return _points(
        history,
        f"""
        SELECT coalesce(
            (
                SELECT max({measured}) FROM finding
                WHERE fingerprint = :fingerprint AND session = :session
            ),
            (
                SELECT 0 FROM judgement
                WHERE session = :session AND verdict IN ('clean', 'bounded', 'leak', 'known')
                AND test IN (SELECT test FROM finding WHERE fingerprint = :fingerprint)
                LIMIT 1
            )
        )
        """,  # noqa: S608  # names are our own
        {"fingerprint": fingerprint},
        limit,
    )


def counter_over_time(
    history: sqlite3.Connection, nodeid: str, counter: str, *, limit: int
) -> list[Point]:
    """Return what a test left behind per run by a counter, the oldest session first.

    Args:
        history: The history.
        nodeid: The test.
        counter: The counter.
        limit: How many sessions.
    """
    return _points(
        history,
        """
        SELECT CASE WHEN growth.session IS NOT NULL THEN growth.per_run
            WHEN ' ' || session.counters || ' ' LIKE '% ' || :counter || ' %' THEN 0 END
        FROM test
        JOIN judgement ON judgement.test = test.id AND judgement.session = :session
        JOIN session ON session.id = judgement.session
        LEFT JOIN growth ON growth.session = judgement.session
            AND growth.test = test.id AND growth.counter = :counter
        WHERE test.nodeid = :nodeid AND judgement.verdict != 'unchecked'
        """,
        {"nodeid": nodeid, "counter": counter},
        limit,
    )


def _points(
    history: sqlite3.Connection, question: str, names: Mapping[str, str], limit: int
) -> list[Point]:
    """Ask a question of each of the latest sessions."""
    latest = history.execute(
        f"SELECT {SESSION_COLUMNS} FROM session ORDER BY id DESC LIMIT ?",  # noqa: S608  # names are our own
        (limit,),
    ).fetchall()
    points: list[Point] = []
    for row in reversed(latest):
        answer = history.execute(question, {**names, "session": row["id"]}).fetchone()
        points.append((session_of(row), answer[0] if answer is not None else None))
    return points
