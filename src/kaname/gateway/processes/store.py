"""States of processes in SQL: each writes its own row and reads those of the others that live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec
from sqlalchemy import delete, insert, select, update

from kaname.gateway.processes.state import ProcessKind, ProcessState
from kaname.gateway.processes.tables import gateway_process_states
from kaname.kernel.clock import Clock, from_ns
from kaname.storage.sql.database import Database

ALIVE_S = 30.0
"""How long a process counts after it was last seen."""

_DECODER = msgspec.json.Decoder(ProcessState)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """Which process it is."""

    id: str
    name: str
    """Host and process id, such as `web-1:4711`."""
    kind: ProcessKind
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenProcess:
    """A process as it last said."""

    facts: ProcessFacts
    seen_at: datetime
    state: ProcessState


class ProcessStates:
    """All processes over one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put(self, facts: ProcessFacts, state: bytes) -> None:
        """Writes a process's own row, and removes those of processes that ended without a word."""
        c, now_ns = gateway_process_states.c, self._clock.now_ns()
        values = {"seen_ns": now_ns, "state": state.decode()}
        with self._database.write() as connection:
            found = connection.execute(update(gateway_process_states).where(c.id == facts.id).values(**values))
            if not found.rowcount:
                row = {"id": facts.id, "name": facts.name, "kind": facts.kind, "started_at": facts.started_at, **values}
                connection.execute(insert(gateway_process_states).values(**row))
                connection.execute(delete(gateway_process_states).where(c.seen_ns < now_ns - int(ALIVE_S * 1e9)))

    def remove(self, process_id: str) -> None:
        """For a process that ends in order."""
        with self._database.write() as connection:
            connection.execute(delete(gateway_process_states).where(gateway_process_states.c.id == process_id))

    def others(self, process_id: str) -> Sequence[SeenProcess]:
        """All that live but this one, by name. A row that another version wrote otherwise is left out."""
        c, since_ns = gateway_process_states.c, self._clock.now_ns() - int(ALIVE_S * 1e9)
        with self._database.read() as connection:
            rows = connection.execute(
                select(gateway_process_states).where(c.id != process_id, c.seen_ns > since_ns).order_by(c.name, c.id)
            ).all()
        seen: list[SeenProcess] = []
        for row in rows:
            try:
                state = _DECODER.decode(row.state)
            except msgspec.DecodeError:
                continue
            kind = cast("ProcessKind", row.kind)
            facts = ProcessFacts(id=row.id, name=row.name, kind=kind, started_at=row.started_at)
            seen.append(SeenProcess(facts=facts, seen_at=from_ns(row.seen_ns), state=state))
        return seen
