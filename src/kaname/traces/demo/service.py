"""Loads the demo data into a project, through the journal like everything that arrives.

A project's first load fixes when its copy ends; each later one writes the same spans again and adds none.
"""

import asyncio
from dataclasses import dataclass

from sqlalchemy import select

from kaname.access.model import ProjectScope
from kaname.kernel.clock import Clock, to_ns
from kaname.storage.journal import Journal
from kaname.storage.sql.database import Database
from kaname.storage.sql.upsert import insert_missing
from kaname.traces.demo.recording import DemoCopy, copy_recording
from kaname.traces.demo.tables import demo_loads
from kaname.traces.ports import ScoreWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDemo:
    """What a load wrote."""

    span_count: int
    score_count: int
    is_first: bool


class DemoLoader:
    """Writes the demo data. Called from the journal's event loop."""

    def __init__(self, database: Database, journal: Journal, scores: ScoreWriter, clock: Clock) -> None:
        self._database = database
        self._journal = journal
        self._scores = scores
        self._clock = clock

    async def load(self, scope: ProjectScope) -> LoadedDemo:
        """Returns when everything is on disk; it is visible within seconds."""
        is_first, copy = await asyncio.to_thread(self._prepare, scope.project_id)
        entries = (self._journal.append("otlp_traces_json", scope.project_id, body) for body in copy.bodies)
        await asyncio.gather(*entries)
        await self._scores.write(copy.scores)
        return LoadedDemo(span_count=copy.span_count, score_count=len(copy.scores), is_first=is_first)

    def _prepare(self, project_id: str) -> tuple[bool, DemoCopy]:
        with self._database.write() as connection:
            is_first = insert_missing(connection, demo_loads, {"project_id": project_id, "ends_at": self._clock.now()})
            query = select(demo_loads.c.ends_at).where(demo_loads.c.project_id == project_id)
            ends_at = connection.execute(query).scalar_one()
        return is_first, copy_recording(project_id, to_ns(ends_at))
