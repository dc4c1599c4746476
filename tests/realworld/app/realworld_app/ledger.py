"""Accounts in a database: SQLAlchemy with a pool, sessions and events, over SQLite files."""

from __future__ import annotations

import contextvars
import itertools
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)
from sqlalchemy.pool import QueuePool


class Base(DeclarativeBase):
    """What is in the database."""


class Account(Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    cents: Mapped[int] = mapped_column(default=0)


_folder = tempfile.TemporaryDirectory(prefix="ledger-")  # for as long as the process runs


def create_ledger(**options: Any) -> Engine:
    """Return an engine for a new database with its tables and one account."""
    path = Path(_folder.name, f"{uuid.uuid4().hex}.db")
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, **options)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Account(owner="ann", cents=700))
        session.commit()
    return engine


# Connections by the id of the report that reads from them.


class Reports:
    """Reads balances in pages; a report keeps its connection from page to page."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.connections: dict[str, Connection] = {}

    def start(self) -> str:
        report = uuid.uuid4().hex
        self.connections[report] = self.engine.connect()
        return report

    def page(self, report: str, column: str = "cents") -> list[int]:
        rows = self.connections[report].execute(text(f"select {column} from account"))
        return [cents for (cents,) in rows]

    def end(self, report: str) -> None:
        self.connections.pop(report).close()


roomy_engine = create_ledger(pool_size=5, max_overflow=-1)
reports = Reports(roomy_engine)
failing_reports = Reports(create_ledger(pool_size=5, max_overflow=-1))
tidy_reports = Reports(create_ledger(pool_size=2, max_overflow=0))
#: As it comes: fifteen connections, and whoever wants one more waits, though not for half a minute.
crowded_reports = Reports(create_ledger(pool_timeout=0.2))

# Raw connections of the driver.

borrowed: list[Any] = []
raw_engine = create_ledger(pool_size=5, max_overflow=-1)


def page_size() -> int:
    raw = raw_engine.raw_connection()
    borrowed.append(raw)
    (size,) = raw.execute("pragma page_size").fetchone()
    return int(size)


# Events.

audited_engine = create_ledger()
audited_sessions = sessionmaker(create_ledger())
tidy_engine = create_ledger()


def statements_of(engine: Engine, query: Callable[[Engine], object]) -> list[str]:
    """Return the statements that a query executes."""
    seen: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    query(engine)
    return seen


@contextmanager
def counting_statements(engine: Engine) -> Iterator[list[str]]:
    """Note the statements that the block executes."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def deposit(cents: int) -> list[int]:
    """Pay in, and return what was committed, as the session's event tells it."""
    committed: list[int] = []

    def note(_session: Session) -> None:
        committed.append(cents)

    event.listen(audited_sessions, "after_commit", note)
    with audited_sessions.begin() as session:
        session.scalars(select(Account)).one().cents += cents
    return committed


def balance(engine: Engine) -> int:
    with Session(engine) as session:
        return session.scalars(select(Account.cents)).one()


# Objects that stay in a session, or beside it.

accounts: dict[int, Account] = {}
import_session = Session(create_ledger())
cached_engine = create_ledger()
open_engine = create_ledger()
_owners = itertools.count()


def open_account(engine: Engine) -> Account:
    with Session(engine, expire_on_commit=False) as session:
        account = Account(owner=f"owner {next(_owners)}")
        session.add(account)
        session.commit()
        return account


def open_account_and_cache(engine: Engine) -> Account:
    account = open_account(engine)
    accounts[account.id] = account
    return account


def read_csv_line(line: str, session: Session) -> Account:
    owner, cents = line.split(",")
    account = Account(owner=owner, cents=int(cents))
    session.add(account)
    return account


# A session for each request.

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
RequestSession = scoped_session(
    sessionmaker(create_ledger(pool_size=5, max_overflow=-1)), scopefunc=request_id.get
)
TidyRequestSession = scoped_session(sessionmaker(create_ledger()), scopefunc=request_id.get)
ThreadSession = scoped_session(sessionmaker(create_ledger()))


def owners(sessions: scoped_session[Session]) -> list[str]:
    return list(sessions.scalars(select(Account.owner)))


def handle_request(sessions: scoped_session[Session]) -> list[str]:
    token = request_id.set(uuid.uuid4().hex)
    try:
        return owners(sessions)
    finally:
        request_id.reset(token)


def handle_request_tidily(sessions: scoped_session[Session]) -> list[str]:
    token = request_id.set(uuid.uuid4().hex)
    try:
        return owners(sessions)
    finally:
        sessions.remove()
        request_id.reset(token)


# Statements that are never the same: the engine keeps the last few hundred that it compiled, and
# every name that it has ever quoted.

report_engine = create_ledger()


def read_named_column(engine: Engine) -> str:
    name = f"column_{next(_owners)}"
    with engine.connect() as connection:
        (row,) = connection.execute(select(literal("x").label(name))).mappings()
    return str(row[name])


def read_number(engine: Engine) -> bool:
    number = next(_owners)
    with engine.connect() as connection:
        found: object = connection.execute(select(literal_column(str(number)))).scalar()
    return found == number
