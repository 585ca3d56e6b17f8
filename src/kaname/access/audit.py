"""The audit log: append-only, one hash chain for each organization, written in the transaction of the act itself.

    entry_hash = SHA-256(previous_hash ‖ canonical JSON of the entry)

Editing, removing, inserting or reordering entries breaks the chain at a place that `verify` names; cutting off the end
shows against `audit_heads`. The database itself refuses UPDATE and DELETE (triggers). Entries hold ids and settings,
never payloads or secrets, so that erasing a person's data never has to touch them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from kaname.access.model import Principal
from kaname.access.tables import audit_entries, audit_heads, members
from kaname.kernel.clock import Clock
from kaname.kernel.paging import Page, decode_cursor, encode_cursor

FIRST_HASH = "0" * 64
MAX_PAGE = 200
Detail = str | int | float | bool | None | list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act. `action` is `noun.verb`, `target` a kind and an id such as `key/key_…`."""

    organization_id: str
    seq: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    target: str
    details: Mapping[str, Detail]
    previous_hash: str
    entry_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerdict:
    """Result of checking a chain. `bad_seq` is the first entry that is wrong or missing."""

    intact: bool
    entries: int
    bad_seq: int | None = None
    reason: str = ""


class AuditLog:
    """Writes, lists and checks entries. Every method runs in the caller's transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def record(
        self,
        connection: Connection,
        principal: Principal,
        action: str,
        target: str,
        details: Mapping[str, Detail] | None = None,
        *,
        organization_id: str | None = None,
    ) -> None:
        """Appends an entry to the organization's chain: the given one, or the principal's own."""
        organization = organization_id or principal.organization_id
        if organization is None:
            raise ValueError(f"audit entry {action!r} of {principal.id!r} names no organization")
        previous_seq, previous_hash = self._lock_head(connection, organization)
        entry = AuditEntry(
            organization_id=organization,
            seq=previous_seq + 1,
            at=self._clock.now(),
            actor_kind=principal.kind,
            actor_id=principal.id,
            actor_name=principal.name[:200],
            action=action,
            target=target[:320],
            details=dict(details or {}),
            previous_hash=previous_hash,
            entry_hash="",
        )
        entry_hash = _hash(entry)
        values = {f: getattr(entry, f) for f in AuditEntry.__slots__}
        values |= {"details": msgspec.json.encode(entry.details).decode(), "entry_hash": entry_hash}
        connection.execute(insert(audit_entries).values(values))
        connection.execute(
            update(audit_heads)
            .where(audit_heads.c.organization_id == organization)
            .values(seq=entry.seq, entry_hash=entry_hash)
        )

    def record_for_user(
        self,
        connection: Connection,
        principal: Principal,
        user_id: str,
        action: str,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """Appends an entry about a user to the chain of every organization they are in."""
        found = connection.execute(
            select(members.c.organization_id)
            .where(members.c.user_id == user_id)
            .order_by(members.c.organization_id)  # the same order everywhere: two such writers can't deadlock
        )
        for organization_id in found.scalars().all():
            self.record(connection, principal, action, f"user/{user_id}", details, organization_id=organization_id)

    def list_entries(
        self,
        connection: Connection,
        organization_id: str,
        *,
        action: str | None = None,
        actor_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[AuditEntry]:
        """Newest first. `action` ending in a dot matches the whole noun: `key.` finds created and revoked keys."""
        c = audit_entries.c
        query = select(audit_entries).where(c.organization_id == organization_id).order_by(c.seq.desc())
        if action:
            query = query.where(
                c.action.startswith(action, autoescape=True) if action[-1] == "." else c.action == action
            )
        if actor_id:
            query = query.where(c.actor_id == actor_id)
        if cursor:
            query = query.where(c.seq < decode_cursor(cursor, [int])[0])
        size = max(1, min(limit, MAX_PAGE))
        rows = connection.execute(query.limit(size + 1)).all()
        entries = [_to_entry(row) for row in rows[:size]]
        more = len(rows) > size
        return Page(items=entries, next_cursor=encode_cursor([entries[-1].seq]) if more else None)

    def verify(self, connection: Connection, organization_id: str) -> AuditVerdict:
        """Recomputes the whole chain of an organization; about 100,000 entries a second."""
        c = audit_entries.c
        # One statement sees one state: an entry that is appended meanwhile must not look like one too many.
        query = (
            select(audit_entries, audit_heads.c.seq.label("last_seq"), audit_heads.c.entry_hash.label("last_hash"))
            .select_from(audit_entries.outerjoin(audit_heads, audit_heads.c.organization_id == c.organization_id))
            .where(c.organization_id == organization_id)
            .order_by(c.seq)
        )
        previous_hash, count, last = FIRST_HASH, 0, (0, FIRST_HASH)
        for row in connection.execution_options(yield_per=1000).execute(query):
            entry, last = _to_entry(row), (row.last_seq, row.last_hash)
            if reason := _fault(entry, count + 1, previous_hash):
                return AuditVerdict(intact=False, entries=count, bad_seq=count + 1, reason=reason)
            previous_hash, count = entry.entry_hash, count + 1
        if count == 0:
            last = self._head(connection, organization_id) or last
        if last != (count, previous_hash):
            return AuditVerdict(intact=False, entries=count, bad_seq=count + 1, reason="the end doesn't fit its record")
        return AuditVerdict(intact=True, entries=count)

    def _head(self, connection: Connection, organization_id: str) -> tuple[int, str] | None:
        row = connection.execute(
            select(audit_heads.c.seq, audit_heads.c.entry_hash)
            .where(audit_heads.c.organization_id == organization_id)
            .with_for_update()
        ).one_or_none()
        return None if row is None else (row.seq, row.entry_hash)

    def _lock_head(self, connection: Connection, organization_id: str) -> tuple[int, str]:
        head = self._head(connection, organization_id)
        if head is None:
            head = (0, FIRST_HASH)
            connection.execute(
                insert(audit_heads).values(organization_id=organization_id, seq=0, entry_hash=FIRST_HASH)
            )
        return head


def _fault(entry: AuditEntry, expected_seq: int, previous_hash: str) -> str:
    if entry.seq != expected_seq:
        return "an entry is missing"
    if entry.previous_hash != previous_hash:
        return "the entry doesn't follow the one before"
    return "" if _hash(entry) == entry.entry_hash else "the entry was changed"


def _hash(entry: AuditEntry) -> str:
    fields = {
        "organization_id": entry.organization_id,
        "seq": entry.seq,
        "at": entry.at.isoformat(timespec="microseconds"),
        "actor": [entry.actor_kind, entry.actor_id, entry.actor_name],
        "action": entry.action,
        "target": entry.target,
        "details": entry.details,
    }
    canonical = msgspec.json.encode(fields, order="deterministic")
    return hashlib.sha256(entry.previous_hash.encode() + canonical).hexdigest()


def _to_entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        organization_id=row.organization_id,
        seq=row.seq,
        at=row.at,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        actor_name=row.actor_name,
        action=row.action,
        target=row.target,
        details=msgspec.json.decode(row.details, type=dict[str, Detail]),
        previous_hash=row.previous_hash,
        entry_hash=row.entry_hash,
    )
