"""Who is logged in."""

from __future__ import annotations

import time
import uuid


class Session:
    """What is known about one visitor."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.token = uuid.uuid4().hex
        self.seen_at = time.monotonic()


class SessionStore:
    """Keeps a session until somebody logs out."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def log_in(self, user: str) -> Session:
        session = Session(user)
        self._sessions[session.token] = session
        return session

    def log_out(self, session: Session) -> None:
        del self._sessions[session.token]


class ExpiringSessionStore:
    """Forgets the sessions that are too old, and the oldest when there are too many."""

    def __init__(self, ttl_seconds: float, max_sessions: int) -> None:
        self.ttl_seconds = ttl_seconds
        self.max_sessions = max_sessions
        self._sessions: dict[str, Session] = {}

    def log_in(self, user: str) -> Session:
        session = Session(user)
        oldest_allowed = session.seen_at - self.ttl_seconds
        for token, known in list(self._sessions.items()):
            if known.seen_at < oldest_allowed or len(self._sessions) >= self.max_sessions:
                del self._sessions[token]
        self._sessions[session.token] = session
        return session


store = SessionStore()
expiring_store = ExpiringSessionStore(ttl_seconds=900, max_sessions=25)
