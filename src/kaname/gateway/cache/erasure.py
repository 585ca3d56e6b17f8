"""Forgets the answers that one end user caused: here at once, in every other process within `POLL_S`.

A process erases when it hears of it, and once more `SETTLE_S` later, because a call that was under way may have kept
its answer in between. Nothing else of a user is erased here: spans have a retention, and records are append-only.
The audit entry names the user by a digest, and the row that tells the others is gone within `KEPT_S`.
"""

import hashlib
import logging
import threading
from typing import Final, NamedTuple

from sqlalchemy import delete, insert, select

from kaname.access.audit import AuditLog
from kaname.access.model import ProjectScope
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.cache.tables import gateway_cache_erasures
from kaname.kernel.border import survive
from kaname.kernel.clock import Clock
from kaname.kernel.errors import InvalidInputError, KanameError
from kaname.kernel.ids import new_id
from kaname.storage.sql.database import Database

POLL_S: Final = 2.0
SETTLE_S: Final = 660.0
"""A minute more than the longest time that calls are given by default."""
KEPT_S: Final = 3600.0
MAX_USER_CHARS: Final = 256

logger = logging.getLogger(__name__)


class UserErasure:
    """Erases on behalf of people."""

    def __init__(self, database: Database, audit: AuditLog, answers: AnswerStore, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._answers = answers
        self._clock = clock

    def erase(self, scope: ProjectScope, user_id: str) -> int:
        """How many answers of this process are gone, those on disk included; raises InvalidInputError."""
        if not 0 < len(user_id) <= MAX_USER_CHARS or "\x00" in user_id:
            raise InvalidInputError(
                f"user_id {user_id[:60]!r} isn't one", hint=f"1 to {MAX_USER_CHARS} characters.", param="user_id"
            )
        now_ns = self._clock.now_ns()
        with self._database.write() as connection:  # before erasing: what others still have must go in any case
            connection.execute(
                insert(gateway_cache_erasures).values(
                    id=new_id("ers"), project_id=scope.project_id, user_id=user_id, at_ns=now_ns
                )
            )
            self._audit.record(
                connection, scope.principal, "gateway_cache.erase", f"end_user/{digest_of(user_id)}",
                {"project_id": scope.project_id}, organization_id=scope.organization_id,
            )  # fmt: skip
            old_ns = now_ns - int(KEPT_S * 1e9)
            connection.execute(delete(gateway_cache_erasures).where(gateway_cache_erasures.c.at_ns < old_ns))
        return self._answers.erase_user(scope.project_id, user_id)


def digest_of(user_id: str) -> str:
    """A user as the audit log names them: known to whoever has the id, and no one else."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:32]


class _Erasure(NamedTuple):
    project_id: str
    user_id: str
    due_s: float
    """Monotonic: when it is erased again."""


class ErasureFollower:
    """Follows what other processes were told to erase, in a thread."""

    def __init__(self, database: Database, answers: AnswerStore, clock: Clock) -> None:
        self._database = database
        self._answers = answers
        self._clock = clock
        self._known: dict[str, _Erasure | None] = {}
        """Erasures by id; None: done for good."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to follow."""
        self._thread = threading.Thread(target=self._follow, name="kaname-cache-erasures", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def step(self) -> None:
        """Erases what is new, and again what is due; raises what the database raises."""
        c, now_s = gateway_cache_erasures.c, self._clock.monotonic()
        since_ns = self._clock.now_ns() - int(KEPT_S * 1e9)
        with self._database.read() as connection:
            rows = connection.execute(select(c.id, c.project_id, c.user_id, c.at_ns).where(c.at_ns > since_ns)).all()
        present = {row.id for row in rows}
        self._known = {id_: known for id_, known in self._known.items() if id_ in present or known is not None}
        for row in rows:
            if row.id not in self._known:
                self._answers.erase_user(row.project_id, row.user_id)
                left_s = SETTLE_S - (self._clock.now_ns() - row.at_ns) / 1e9
                self._known[row.id] = _Erasure(row.project_id, row.user_id, now_s + left_s) if left_s > 0 else None
        for id_, known in self._known.items():
            if known is not None and now_s >= known.due_s:
                self._answers.erase_user(known.project_id, known.user_id)
                self._known[id_] = None

    def _follow(self) -> None:
        is_failing = False
        while not self._stopping.wait(POLL_S):
            with survive(logger, "following erasures of cached answers"):
                try:
                    self.step()
                    is_failing = False
                except KanameError as e:
                    if not is_failing:
                        logger.warning("erasures of cached answers can't be followed now: %s", e)
                    is_failing = True
