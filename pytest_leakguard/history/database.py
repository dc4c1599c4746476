"""Which tables does a history have, and how is its file opened?

The file is told by SQLite's ``application_id``, its shape by ``user_version``. It has a rollback
journal, not a write-ahead log, so that it is one file that can be copied when nobody writes to it,
and lies on a network's disk as well as on any other.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pytest_leakguard.errors import UnusableHistoryError

#: "lkgd" in ASCII.
APPLICATION_ID = 0x6C6B6764
#: Version of the shape that is read and written.
VERSION = 1
#: How long others, who are at it, are waited for.
PATIENCE_SECONDS = 60.0

#: A row of ``growth`` is kept where growth is not 0; it is null where the counter was not read.
_TABLES = (
    """
    CREATE TABLE session (
        id INTEGER PRIMARY KEY,
        time TEXT NOT NULL,
        commit_name TEXT NOT NULL,
        branch TEXT NOT NULL,
        dirty INTEGER,
        python TEXT NOT NULL,
        platform TEXT NOT NULL,
        mode TEXT NOT NULL,
        counters TEXT NOT NULL,
        executions INTEGER NOT NULL,
        extra_seconds REAL NOT NULL,
        whole INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE test (
        id INTEGER PRIMARY KEY,
        nodeid TEXT NOT NULL UNIQUE
    )
    """,
    """
    CREATE TABLE judgement (
        session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
        test INTEGER NOT NULL REFERENCES test (id),
        verdict TEXT NOT NULL,
        reason TEXT NOT NULL,
        executions INTEGER NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (session, test)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX judgement_by_test ON judgement (test, session)",
    """
    CREATE TABLE growth (
        session INTEGER NOT NULL,
        test INTEGER NOT NULL,
        counter TEXT NOT NULL,
        per_run REAL,
        PRIMARY KEY (session, test, counter),
        FOREIGN KEY (session, test) REFERENCES judgement (session, test) ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE finding (
        session INTEGER NOT NULL,
        test INTEGER NOT NULL,
        position INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        type TEXT NOT NULL,
        holder TEXT NOT NULL,
        pattern TEXT NOT NULL,
        status TEXT NOT NULL,
        objects_per_run REAL NOT NULL,
        bytes_per_run REAL NOT NULL,
        PRIMARY KEY (session, test, position),
        FOREIGN KEY (session, test) REFERENCES judgement (session, test) ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    "CREATE INDEX finding_by_fingerprint ON finding (fingerprint, session)",
    "CREATE INDEX finding_by_holder ON finding (holder, session)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)


@contextmanager
def opened(path: Path, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a history; what is not committed when it is closed has never been.

    Args:
        path: Its file; for writing it is made if there is none.
        writes: Whether it is written to. Then one transaction is open, for the caller to commit,
            others have to wait, and the tables are there.

    Raises:
        UnusableHistoryError: There is none, it is another kind of file or of a newer version, or
            SQLite fails, also while the caller uses it.
    """
    with _connected(path, writes=writes) as connection:
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        is_new = _is_new(connection, path)
        if not writes:
            connection.execute("COMMIT")
            if is_new:
                raise UnusableHistoryError(path, "nothing has been recorded in it yet")
        elif is_new:
            for statement in _TABLES:
                connection.execute(statement)
        yield connection


def require_usable(path: Path) -> None:
    """Make sure that a session can be added to a history; no session in it changes by that.

    Args:
        path: Its file; there may be none yet, or one in which nothing has been recorded.

    Raises:
        UnusableHistoryError: It cannot.
    """
    if not path.exists():
        return
    with _connected(path) as connection:
        connection.execute("BEGIN")
        if not _is_new(connection, path):
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise UnusableHistoryError(path, f"the file is damaged: {found}")
    if not os.access(path, os.W_OK):
        raise UnusableHistoryError(path, "the file cannot be written")


@contextmanager
def _connected(path: Path, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
    if not path.is_file() and (path.exists() or not writes):
        raise UnusableHistoryError(path, "not a file" if path.exists() else "there is no such file")
    # Not "ro": what a killed session has left half written is taken back by whoever comes next.
    uri = f"{Path(os.path.abspath(path)).as_uri()}?mode={'rwc' if writes else 'rw'}"
    try:
        with closing(
            sqlite3.connect(uri, uri=True, timeout=PATIENCE_SECONDS, isolation_level=None)
        ) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
    except sqlite3.Error as error:
        raise UnusableHistoryError(path, str(error)) from None


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether a database has no tables yet; refuse one that is no history."""
    application, version, tables = (
        connection.execute(question).fetchone()[0]
        for question in (
            "PRAGMA application_id",
            "PRAGMA user_version",
            "SELECT count(*) FROM sqlite_master",
        )
    )
    if not (application or version or tables):
        return True
    if application != APPLICATION_ID:
        raise UnusableHistoryError(path, "a database of something else")
    if version != VERSION:
        reason = f"its version is {version}, and this pytest-leakguard knows version {VERSION}"
        raise UnusableHistoryError(path, f"{reason}; a newer one is needed")
    return False
