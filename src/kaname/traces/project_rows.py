"""What a project has as telemetry: rows of the column store, and letters that couldn't be stored.

Rows are deleted by a mutation, which rewrites the parts that hold them: afterwards they are not only hidden but gone
from the files. Not here: blobs, which projects share by content, and journal segments, which their retention removes.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kaname.kernel.clock import Clock
from kaname.storage.columns import ColumnsClient
from kaname.storage.journal import Journal
from kaname.traces.dead_letters import DeadLetters

_TABLES = ("spans", "scores", "log_records", "ingest_notices")
_WAIT_FOR_MUTATION = {"mutations_sync": 1}


class TelemetryRows:
    """Implements `access.ports.ProjectStore` over the column store."""

    store = "columns"

    def __init__(
        self, columns: ColumnsClient, journal: Journal, clock: Clock, others_age_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        """`others_age_s`: how old the oldest entry is that waits in journals of other processes."""
        self._others_age_s = others_age_s
        self._columns = columns
        self._journal = journal
        self._clock = clock

    def count(self, project_id: str) -> Mapping[str, int]:
        """Rows by table, older versions of a replaced one left out."""
        return {table: self._count(table, project_id) for table in _TABLES}

    def erase(self, project_id: str) -> bool:
        """Deletes every row; as long as rewriting the parts of the project takes."""
        found = [table for table in _TABLES if self._has_rows(table, project_id)]
        for table in found:
            self._columns.command(
                f"ALTER TABLE {table} DELETE WHERE project_id = {{project:String}}",
                {"project": project_id},
                settings=_WAIT_FOR_MUTATION,
            )
        return bool(found)

    def is_settled(self, since: datetime) -> bool:
        """Whether the worker has stored everything that any journal accepted before `since`."""
        behind = timedelta(seconds=max(self._journal.stats().oldest_unconsumed_age_s, self._others_age_s()))
        return self._clock.now() - behind >= since

    def _count(self, table: str, project_id: str) -> int:
        final = "" if table == "spans" else " FINAL"
        sql = f"SELECT count() AS n FROM {table}{final} WHERE project_id = {{project:String}}"  # noqa: S608 — ours
        return int(str(self._columns.query_rows(sql, {"project": project_id})[0]["n"]))

    def _has_rows(self, table: str, project_id: str) -> bool:
        sql = f"SELECT 1 FROM {table} WHERE project_id = {{project:String}} LIMIT 1"  # noqa: S608 — ours
        return bool(self._columns.query_rows(sql, {"project": project_id}))


class DeadLetterRows:
    """Implements `access.ports.ProjectStore` over the folder of letters."""

    store = "files"

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    def count(self, project_id: str) -> Mapping[str, int]:
        """Letters of the project."""
        return {"dead_letters": self._letters.count_of(project_id)}

    def erase(self, project_id: str) -> bool:
        """Removes them."""
        return self._letters.remove_of(project_id) > 0

    def is_settled(self, since: datetime) -> bool:
        """Letters come from the journal, as rows do: `TelemetryRows` answers for both."""
        return True
