"""Browser sessions: a random token in a cookie, its SHA-256 in SQL, an idle and an absolute end.

A login always makes a new token (nothing that a visitor brought along survives: no fixation). The CSRF token is derived
from the session token, so it needs no storage and dies with it; a page of another origin can't read or compute it.
"""

import hashlib
import hmac
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from kaname.access.settings import AccessSettings
from kaname.access.tables import login_sessions, users
from kaname.access.tokens import SECRET_LENGTH, digest_of, issue_secret
from kaname.kernel.clock import Clock

TOUCH_EVERY = timedelta(minutes=1)


class LiveSession(NamedTuple):
    """Whose session it is, and whether `touch` is due."""

    user_id: str
    user_name: str
    is_touch_due: bool


class SessionStore:
    """Opens, finds and ends sessions. Every method runs in the caller's transaction."""

    def __init__(self, settings: AccessSettings, clock: Clock) -> None:
        self._idle = timedelta(hours=settings.session_idle_hours)
        self.longest = timedelta(days=settings.session_max_days)
        self._clock = clock

    def open(self, connection: Connection, user_id: str) -> str:
        """A new session's token. Ended sessions of everybody are removed on the way."""
        token, digest = issue_secret()
        now = self._clock.now()
        ended = (login_sessions.c.expires_at < now) | (login_sessions.c.last_seen_at < now - self._idle)
        connection.execute(delete(login_sessions).where(ended))
        connection.execute(
            insert(login_sessions).values(
                token_digest=digest,
                user_id=user_id,
                created_at=now,
                last_seen_at=now,
                expires_at=now + self.longest,
            )
        )
        return token

    def find(self, connection: Connection, token: str) -> LiveSession | None:
        """The session of this token, None unless it is alive."""
        if len(token) != SECRET_LENGTH:
            return None
        c = login_sessions.c
        query = (
            select(c.user_id, users.c.name, c.last_seen_at, c.expires_at)
            .join(users, users.c.id == c.user_id)
            .where(c.token_digest == digest_of(token))
        )
        row = connection.execute(query).one_or_none()
        now = self._clock.now()
        if row is None or now >= row.expires_at or now >= row.last_seen_at + self._idle:
            return None
        return LiveSession(row.user_id, row.name, now - row.last_seen_at >= TOUCH_EVERY)

    def touch(self, connection: Connection, token: str) -> None:
        """Notes that the session is in use."""
        statement = update(login_sessions).where(login_sessions.c.token_digest == digest_of(token))
        connection.execute(statement.values(last_seen_at=self._clock.now()))

    def end(self, connection: Connection, token: str) -> None:
        """Ends one session."""
        connection.execute(delete(login_sessions).where(login_sessions.c.token_digest == digest_of(token)))

    def end_all(self, connection: Connection, user_id: str, *, except_token: str | None = None) -> None:
        """Ends the sessions of a user, but for one."""
        statement = delete(login_sessions).where(login_sessions.c.user_id == user_id)
        if except_token is not None:
            statement = statement.where(login_sessions.c.token_digest != digest_of(except_token))
        connection.execute(statement)


def csrf_token_of(session_token: str) -> str:
    """The value that header `x-csrf-token` must have on unsafe requests of this session."""
    return hmac.new(session_token.encode("utf-8", "surrogatepass"), b"kaname csrf", hashlib.sha256).hexdigest()


def is_csrf_token(session_token: str, header: str) -> bool:
    """Whether the header fits the session, in constant time."""
    return hmac.compare_digest(csrf_token_of(session_token).encode(), header.encode("utf-8", "surrogatepass"))
