"""How is a session added to a history? Whole or not at all, whoever else writes to it."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_leakguard.escaping import unbroken
from pytest_leakguard.history.database import opened

if TYPE_CHECKING:
    from pytest_leakguard.reports import SessionFacts, TestOutcome
    from pytest_leakguard.repository import Revision


def record(path: Path, facts: SessionFacts, revision: Revision) -> None:
    """Add a session, if it has judged anything.

    Args:
        path: The history; made if there is none.
        facts: The session.
        revision: What was checked out.

    Raises:
        UnusableHistoryError: It cannot be written; then it has nothing of this session.
    """
    if all(outcome.result.verdict == "unchecked" for outcome in facts.judged):
        return
    with opened(path, writes=True) as history:
        session = _insert(
            history,
            "session",
            time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            commit_name=revision.commit,
            branch=revision.branch,
            dirty=revision.dirty,
            python=facts.python,
            platform=facts.platform,
            mode=facts.mode,
            counters=" ".join(facts.counters),
            executions=facts.executions,
            extra_seconds=round(facts.extra_seconds, 3),
            whole=facts.whole,
        )
        for outcome in facts.judged:
            _record_test(history, session, outcome)
        history.execute("COMMIT")


def prune(path: Path, *, keep: int) -> tuple[int, int]:
    """Take all but the latest sessions out of a history, and give the disk back what they took.

    Args:
        path: The history.
        keep: How many sessions stay.

    Returns:
        How many were taken out, and how many are left.

    Raises:
        UnusableHistoryError: There is none, or it cannot be written; then it is as it was.
    """
    with opened(path):  # or writing would make one
        pass
    with opened(path, writes=True) as history:
        removed = history.execute(
            "DELETE FROM session WHERE id NOT IN (SELECT id FROM session ORDER BY id DESC LIMIT ?)",
            (keep,),
        ).rowcount
        history.execute("DELETE FROM test WHERE id NOT IN (SELECT test FROM judgement)")
        (left,) = history.execute("SELECT count(*) FROM session").fetchone()
        history.execute("COMMIT")
        if removed:
            with suppress(sqlite3.OperationalError):  # in use, or no room: the next time does it
                history.execute("VACUUM")
    return removed, left


def _record_test(history: sqlite3.Connection, session: int, outcome: TestOutcome) -> None:
    result = outcome.result
    nodeid = unbroken(outcome.nodeid)
    history.execute("INSERT OR IGNORE INTO test (nodeid) VALUES (?)", (nodeid,))
    (test,) = history.execute("SELECT id FROM test WHERE nodeid = ?", (nodeid,)).fetchone()
    _insert(
        history,
        "judgement",
        session=session,
        test=test,
        verdict=result.verdict,
        reason=result.reason,
        executions=result.executions,
        seconds=round(result.seconds, 3),
    )
    for counter, per_run in result.growth.items():
        if per_run != 0:
            _insert(history, "growth", session=session, test=test, counter=counter, per_run=per_run)
    for position, finding in enumerate(result.findings):
        _insert(
            history,
            "finding",
            session=session,
            test=test,
            position=position,
            fingerprint=finding.fingerprint,
            type=finding.type,
            holder=finding.holder,
            pattern=finding.pattern,
            status=finding.status,
            objects_per_run=finding.objects_per_run,
            bytes_per_run=finding.bytes_per_run,
        )


def _insert(history: sqlite3.Connection, table: str, **values: str | float | None) -> int:
    """Insert a row, and return its number."""
    columns = ", ".join(values)
    places = ", ".join("?" * len(values))
    cursor = history.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({places})",  # noqa: S608  # names are our own
        [unbroken(value) if isinstance(value, str) else value for value in values.values()],
    )
    return cursor.lastrowid or 0
