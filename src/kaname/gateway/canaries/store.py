"""Canaries in SQL: standings, observations and history. Blocking; for threads. Nothing here decides.

Whoever changes a standing names the revision that the decision was made on, so of two that decide at once one is
refused and looks again. Observations are replaced whole by the process that made them: a write whose commit wasn't
confirmed can be repeated.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from kaname.access.model import SYSTEM, Principal
from kaname.gateway.canaries.model import Canary, ChangeAction, Standing
from kaname.gateway.canaries.observations import ArmCounts, Evidence, total
from kaname.gateway.canaries.tables import gateway_canaries, gateway_canary_changes, gateway_canary_observations
from kaname.gateway.history.audit import InstallationAudit
from kaname.gateway.routing.canary import CanaryState, GuardResult
from kaname.kernel.clock import Clock
from kaname.kernel.ids import new_id
from kaname.kernel.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from kaname.storage.sql.database import Database
from kaname.storage.sql.upsert import insert_missing

SCORES = "scores"
"""In place of a process: what everybody scored."""
MAX_MESSAGE_CHARS = 500
_MAX_NAME_CHARS = 512


class Change(NamedTuple):
    """A step to another standing, and whose it is."""

    action: ChangeAction
    state: CanaryState
    findings: tuple[GuardResult, ...] = ()
    principal: Principal = SYSTEM
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChange:
    """An entry of a canary's history: what happened, and where the canary stood then."""

    id: str
    action: ChangeAction
    at: datetime
    state: CanaryState
    share: float
    findings: tuple[GuardResult, ...]
    actor_id: str
    actor_name: str
    message: str


class CanaryStore:
    """All canaries of an installation. Thread-safe."""

    def __init__(self, database: Database, audit: InstallationAudit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    # ---- standings

    def standings(self, ids: Sequence[str]) -> dict[str, Standing]:
        """Where these stand; those that were never begun are absent."""
        with self._database.read() as connection:
            rows = connection.execute(select(gateway_canaries).where(gateway_canaries.c.id.in_(ids))).all()
        return {row.id: _standing(row) for row in rows}

    def begin(self, canaries: Iterable[Canary]) -> None:
        """Puts canaries at their first step, unless another process has."""
        with self._database.write() as connection:
            for canary in canaries:
                standing = Standing(
                    id=canary.id, name=canary.name[:_MAX_NAME_CHARS], state=CanaryState(), generation=1,
                    stable_generation=1, since_ns=self._clock.now_ns(), looked_ns=0, findings=(), rollbacks=0,
                    revision=1,
                )  # fmt: skip
                if insert_missing(connection, gateway_canaries, _row(standing)):
                    self._record(connection, canary, Change("start", standing.state))

    def change(self, canary: Canary, before: Standing, change: Change) -> Standing | None:
        """Takes a canary to another standing; None when it isn't at `before` any more."""
        steps = canary.plan.settings.steps
        generation = before.generation + 1
        is_last = change.state.phase == "running" and steps[change.state.step] == 100
        after = replace(
            before,
            state=change.state,
            generation=generation,
            stable_generation=before.stable_generation if is_last else generation,
            since_ns=self._clock.now_ns(),
            looked_ns=0,
            findings=change.findings if change.state.phase != "running" else (),
            rollbacks=before.rollbacks + (change.action == "rollback"),
            revision=before.revision + 1,
        )
        with self._database.write() as connection:
            if not _swap(connection, before, after):
                return None
            self._record(connection, canary, change)
            o = gateway_canary_observations.c
            kept = (after.generation, after.stable_generation)
            connection.execute(
                delete(gateway_canary_observations).where(o.canary_id == canary.id, o.generation.not_in(kept))
            )
        return after

    def note(self, before: Standing, findings: tuple[GuardResult, ...]) -> Standing | None:
        """Keeps what the guards said while the canary stays; None as for `change`."""
        after = replace(
            before, findings=findings, looked_ns=self._clock.now_ns(), revision=before.revision + 1
        )  # fmt: skip
        with self._database.write() as connection:
            return after if _swap(connection, before, after) else None

    def changes(
        self, canary_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[PastChange]:  # fmt: skip
        """A canary's history, newest first."""
        c = gateway_canary_changes.c
        query = select(gateway_canary_changes).where(c.canary_id == canary_id).order_by(c.id.desc())
        if cursor is not None:
            query = query.where(c.id < decode_cursor(cursor, (str,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        return page_of(rows, limit, _past, lambda row: (row.id,))

    # ---- observations

    def put_counts(self, process_id: str, counts: Mapping[tuple[str, int], Mapping[str, ArmCounts]]) -> None:
        """Replaces what a process observed, by canary and generation, then arm."""
        self._put(
            (canary_id, generation, process_id, arm, arm_counts.encode(), "[]")
            for (canary_id, generation), arms in counts.items()
            for arm, arm_counts in arms.items()
        )

    def put_scores(self, standing: Standing, scores: Mapping[str, Sequence[float]]) -> None:
        """Replaces the scores that calls of the present step got, by arm."""
        empty = ArmCounts().encode()
        self._put(
            (standing.id, standing.generation, SCORES, arm, empty, json.dumps(list(values)))
            for arm, values in scores.items()
        )

    def evidence(self, canary: Canary, standing: Standing) -> Evidence:
        """What all processes together observed: the canary at this step, the other arms at the one that counts."""
        o = gateway_canary_observations.c
        query = select(gateway_canary_observations).where(
            o.canary_id == canary.id, o.generation.in_((standing.generation, standing.stable_generation))
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(o.process_id, o.arm)).all()
        new = [r for r in rows if r.arm == canary.plan.arm and r.generation == standing.generation]
        old = [
            r
            for r in rows
            if r.arm != canary.plan.arm and r.arm in canary.split.arms and r.generation == standing.stable_generation
        ]
        sides = [total(ArmCounts.decode(r.counts) for r in side) for side in (old, new)]
        return Evidence(sides[0], sides[1], _scores(old), _scores(new))

    def _put(self, rows: Iterable[tuple[str, int, str, str, str, str]]) -> None:
        names = ("canary_id", "generation", "process_id", "arm", "counts", "scores")
        values: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
        if not values:
            return
        with self._database.write() as connection:
            statement: Any = _insert(connection, gateway_canary_observations)
            o = gateway_canary_observations.c
            statement = statement.on_conflict_do_update(
                index_elements=[o.canary_id, o.generation, o.process_id, o.arm],
                set_={"counts": statement.excluded.counts, "scores": statement.excluded.scores},
            )
            connection.execute(statement, values)

    def _record(self, connection: Connection, canary: Canary, change: Change) -> None:
        principal, state = change.principal, change.state
        share = state.share(canary.plan.settings)
        connection.execute(
            insert(gateway_canary_changes).values(
                id=new_id("cnc"),
                canary_id=canary.id,
                action=change.action,
                at=self._clock.now(),
                step=state.step,
                phase=state.phase,
                share=share,
                findings=_findings_json(change.findings),
                actor_id=principal.user_id or principal.id,
                actor_name=principal.name[:200],
                message=change.message[:MAX_MESSAGE_CHARS],
            )
        )
        details = {"name": canary.name, "arm": canary.plan.arm, "phase": state.phase, "share": share}
        target = f"gateway_canary/{canary.id}"
        self._audit.record(connection, principal, f"gateway_canary.{change.action}", target, details)


def _swap(connection: Connection, before: Standing, after: Standing) -> bool:
    c = gateway_canaries.c
    changed = connection.execute(
        update(gateway_canaries).where(c.id == before.id, c.revision == before.revision).values(**_row(after))
    )
    return changed.rowcount == 1


def _row(standing: Standing) -> dict[str, object]:
    return {
        "id": standing.id,
        "name": standing.name,
        "step": standing.state.step,
        "phase": standing.state.phase,
        "generation": standing.generation,
        "stable_generation": standing.stable_generation,
        "since_ns": standing.since_ns,
        "looked_ns": standing.looked_ns,
        "findings": _findings_json(standing.findings),
        "rollbacks": standing.rollbacks,
        "revision": standing.revision,
    }


def _standing(row: Row[Any]) -> Standing:
    return Standing(
        id=row.id,
        name=row.name,
        state=CanaryState(step=row.step, phase=row.phase),
        generation=row.generation,
        stable_generation=row.stable_generation,
        since_ns=row.since_ns,
        looked_ns=row.looked_ns,
        findings=_findings(row.findings),
        rollbacks=row.rollbacks,
        revision=row.revision,
    )


def _past(row: Row[Any]) -> PastChange:
    return PastChange(
        id=row.id,
        action=row.action,
        at=row.at,
        state=CanaryState(step=row.step, phase=row.phase),
        share=row.share,
        findings=_findings(row.findings),
        actor_id=row.actor_id,
        actor_name=row.actor_name,
        message=row.message,
    )


def _findings_json(findings: Sequence[GuardResult]) -> str:
    """With the standard library: a bound may be infinite."""
    return json.dumps([list(finding) for finding in findings])


def _findings(text: str) -> tuple[GuardResult, ...]:
    return tuple(GuardResult(*values) for values in json.loads(text))


def _scores(rows: Sequence[Row[Any]]) -> list[float]:
    return [value for row in rows for value in json.loads(row.scores)]


def _insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
