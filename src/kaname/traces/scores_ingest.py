"""Scores on their way to the store: through the journal, like everything that is acknowledged."""

import asyncio
from collections.abc import Sequence

import msgspec

from kaname.storage.journal import Journal
from kaname.traces.model import ScoreRow


class JournalScoreWriter:
    """Implements `ports.ScoreWriter`. Called from the journal's event loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._encode = msgspec.json.Encoder().encode

    async def write(self, rows: Sequence[ScoreRow]) -> None:
        """Returns when the rows are on disk; they are visible within a second. Idempotent by score id."""
        await asyncio.gather(*(self.put(row) for row in rows))

    async def put(self, row: ScoreRow) -> None:
        """Writes one score."""
        await self._journal.append("score", row.project_id, self._encode(row))
