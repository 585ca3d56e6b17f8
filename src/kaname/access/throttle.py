"""Slows down the guessing of passwords: failed logins are counted for each account and each network address, in SQL.

Five failures on an account (twenty from an address) cost nothing; each further one doubles the wait, up to 15 minutes;
a day without failure forgets them. An attempt is counted before the password is checked and taken back when it was
right, so parallel guesses count too. Accounts that don't exist are counted alike. Rows are bounded: oldest go first.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from kaname.access.tables import login_attempts
from kaname.kernel.clock import Clock
from kaname.kernel.errors import RateLimitedError
from kaname.storage.sql.upsert import insert_missing

FREE_FAILURES_OF_ACCOUNT = 5
FREE_FAILURES_OF_ADDRESS = 20
LONGEST_WAIT = timedelta(minutes=15)
FORGET_AFTER = timedelta(days=1)
MAX_ROWS = 50_000


class _Subject(NamedTuple):
    key: str
    free_failures: int


class LoginThrottle:
    """Every method runs in the caller's transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def count_attempt(self, connection: Connection, email: str, address: str) -> None:
        """Counts an attempt as failed until `take_back`; raises RateLimitedError, counting nothing, during a wait."""
        self._count(connection, _subjects(email, address))

    def count_change(self, connection: Connection, user_id: str) -> None:
        """`count_attempt` for the password that a change asks for. Counted apart from logins, or whoever has a stolen
        session could lock its owner out by guessing."""
        self._count(connection, (_change_of(user_id),))

    def take_back_change(self, connection: Connection, user_id: str) -> None:
        """The password was right."""
        connection.execute(delete(login_attempts).where(login_attempts.c.subject == _change_of(user_id).key))

    def _count(self, connection: Connection, subjects: Sequence[_Subject]) -> None:
        now = self._clock.now()
        c = login_attempts.c
        for subject in subjects:
            # The row must be there before it can be locked, or parallel first guesses would not see each other.
            nothing_yet = {"subject": subject.key, "failures": 0, "last_failed_at": now, "blocked_until": now}
            insert_missing(connection, login_attempts, nothing_yet)
        query = select(login_attempts).where(c.subject.in_([s.key for s in subjects])).order_by(c.subject)
        rows = {row.subject: row for row in connection.execute(query.with_for_update())}
        wait = max((row.blocked_until - now for row in rows.values()), default=timedelta(0))
        if wait > timedelta(0):
            raise RateLimitedError(
                "too many failed logins",
                hint="Wait, then try again.",
                retry_after_s=wait.total_seconds(),
                code="too_many_failed_logins",
                params={"seconds": max(1, round(wait.total_seconds()))},
            )
        for subject in subjects:
            row = rows[subject.key]
            failures = 1 if now - row.last_failed_at >= FORGET_AFTER else row.failures + 1
            values = {"failures": failures, "last_failed_at": now, "blocked_until": now + _wait(subject, failures)}
            connection.execute(update(login_attempts).where(c.subject == subject.key).values(values))
        self._prune(connection, now)

    def note_failure(self, connection: Connection, email: str) -> None:
        """The password was wrong. The attempt is counted already; this renews its time."""
        account, _ = _subjects(email, "")
        statement = update(login_attempts).where(login_attempts.c.subject == account.key)
        connection.execute(statement.values(last_failed_at=self._clock.now()))

    def take_back(self, connection: Connection, email: str, address: str) -> None:
        """The password was right: forgets the account's failures, and one of the address."""
        account, network = _subjects(email, address)
        c = login_attempts.c
        connection.execute(delete(login_attempts).where(c.subject == account.key))
        connection.execute(
            update(login_attempts)
            .where(c.subject == network.key, c.failures > 0)
            .values(failures=c.failures - 1, blocked_until=self._clock.now())
        )

    def _prune(self, connection: Connection, now: datetime) -> None:
        c = login_attempts.c
        connection.execute(delete(login_attempts).where(c.last_failed_at < now - FORGET_AFTER))
        excess = connection.execute(select(func.count()).select_from(login_attempts)).scalar_one() - MAX_ROWS
        if excess > 0:
            oldest = select(c.subject).order_by(c.last_failed_at).limit(excess + MAX_ROWS // 10)
            connection.execute(delete(login_attempts).where(c.subject.in_(oldest)))


def _change_of(user_id: str) -> _Subject:
    return _Subject(f"change:{user_id}", FREE_FAILURES_OF_ACCOUNT)


def _subjects(email: str, address: str) -> tuple[_Subject, _Subject]:
    # An address is hashed because this table needs to recognise accounts, not to know them.
    account = hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return (
        _Subject(f"account:{account}", FREE_FAILURES_OF_ACCOUNT),
        _Subject(f"address:{network_of(address)}", FREE_FAILURES_OF_ADDRESS),
    )


def network_of(address: str) -> str:
    """The IPv4 address, or the /64 of an IPv6 one: whoever has one address there has them all."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address) + "/64"
    return str(parsed)


def _wait(subject: _Subject, failures: int) -> timedelta:
    excess = failures - subject.free_failures
    if excess < 0:
        return timedelta(0)
    return min(timedelta(seconds=2.0 ** min(excess, 20)), LONGEST_WAIT)
