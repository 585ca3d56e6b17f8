"""Personal tokens: a user's own way into the management API from a shell. They can do what the user can, no more."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, delete, func, insert, select, update

from kaname.access.audit import AuditLog, Detail
from kaname.access.model import PersonalToken, Principal
from kaname.access.naming import check_future, check_name
from kaname.access.tables import personal_tokens
from kaname.access.tokens import PERSONAL_PREFIX, issue_token
from kaname.kernel.clock import Clock
from kaname.kernel.errors import ConflictError, NotFoundError
from kaname.kernel.ids import new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from kaname.storage.sql.database import Database

MAX_TOKENS = 100


class CreatedToken(NamedTuple):
    """A new token; `text` can't be had again."""

    token: PersonalToken
    text: str


class PersonalTokenService:
    """The tokens of one user."""

    def __init__(self, database: Database, audit: AuditLog, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def create(self, principal: Principal, user_id: str, name: str, expires_at: datetime | None = None) -> CreatedToken:
        """Makes a token of the user; `principal` is who asked, for the audit entry."""
        name = check_name(name)
        now = self._clock.now()
        check_future(expires_at, now)
        expires_at = principal.cap_expiry(expires_at)
        issued = issue_token(PERSONAL_PREFIX)
        token_id = new_id("tok")
        c = personal_tokens.c
        with self._database.write() as connection:
            count = connection.execute(select(func.count()).where(c.user_id == user_id)).scalar_one()
            if count >= MAX_TOKENS:
                raise ConflictError(
                    f"you have {MAX_TOKENS} tokens",
                    hint="Remove unused ones.",
                    code="too_many_tokens",
                    params={"limit": MAX_TOKENS},
                )
            connection.execute(
                insert(personal_tokens).values(
                    id=token_id,
                    user_id=user_id,
                    public_part=issued.public_part,
                    digest=issued.digest,
                    name=name,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
            self._audit.record_for_user(connection, principal, user_id, "token.create", {"token_id": token_id})
            row = connection.execute(select(personal_tokens).where(c.id == token_id)).one()
        return CreatedToken(_to_token(row), issued.text)

    def list_tokens(
        self, user_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[PersonalToken]:
        """The user's tokens, newest first, `limit` at a time."""
        c = personal_tokens.c
        query = select(personal_tokens).where(c.user_id == user_id)
        if cursor is not None:
            query = query.where(c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.id.desc()).limit(limit + 1)).all()
        return page_of(rows, limit, _to_token, lambda row: (row.id,))

    def rename(self, principal: Principal, user_id: str, token_id: str, name: str) -> PersonalToken:
        """Gives a token another name."""
        name = check_name(name)
        c = personal_tokens.c
        mine = and_(c.id == token_id, c.user_id == user_id)
        with self._database.write() as connection:
            renamed = connection.execute(update(personal_tokens).where(mine).values(name=name))
            if renamed.rowcount == 0:
                raise _no_such_token(token_id)
            details: dict[str, Detail] = {"token_id": token_id, "name": name}
            self._audit.record_for_user(connection, principal, user_id, "token.rename", details)
            return _to_token(connection.execute(select(personal_tokens).where(mine)).one())

    def remove(self, principal: Principal, user_id: str, token_id: str) -> None:
        """Makes a token invalid at once."""
        c = personal_tokens.c
        with self._database.write() as connection:
            gone = connection.execute(delete(personal_tokens).where(c.id == token_id, c.user_id == user_id))
            if gone.rowcount == 0:
                raise NotFoundError(
                    f"you have no token with id {token_id[:64]!r}",
                    hint="It may be removed already.",
                    code="token_not_found",
                    params={"id": token_id[:64]},
                )
            self._audit.record_for_user(connection, principal, user_id, "token.remove", {"token_id": token_id})


def _no_such_token(token_id: str) -> NotFoundError:
    return NotFoundError(f"you have no token with id {token_id[:64]!r}", hint="It may be removed already.")


def _to_token(row: Row[Any]) -> PersonalToken:
    return PersonalToken(
        id=row.id,
        user_id=row.user_id,
        public_id=PERSONAL_PREFIX + row.public_part,
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
