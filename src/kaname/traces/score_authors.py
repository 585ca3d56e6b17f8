"""Who may write a score under an id that exists: its author, or whoever may delete scores, which leaves an audit entry.

Writing is idempotent by id, so without this check everybody who may add scores could change those of others. The store
shows a score up to a second after it was acknowledged; meanwhile its author is remembered here. Only ids that clients
choose are looked up: ids of ours are new.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from kaname.access.model import ProjectScope
from kaname.kernel.errors import PermissionDeniedError
from kaname.storage.columns import ColumnsClient
from kaname.traces.model import ScoreRow
from kaname.traces.ports import ScoreAudit
from kaname.traces.queries.scores import find_authors

MAX_REMEMBERED = 20_000


class ScoreAuthors:
    """Implements `ports.ScoreAuthority`. Belongs to one event loop: what is remembered changes only between awaits."""

    def __init__(self, columns: ColumnsClient, audit: ScoreAudit) -> None:
        self._columns = columns
        self._audit = audit
        self._recent: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def admit(self, scope: ProjectScope, rows: Sequence[ScoreRow]) -> Sequence[ScoreRow]:
        """Those rows that the caller may write; replacements of others' scores are audited before this returns."""
        unknown = sorted({r.score_id for r in rows if (scope.project_id, r.score_id) not in self._recent})
        stored = await asyncio.to_thread(find_authors, self._columns, scope.project_id, unknown) if unknown else {}
        may_replace = "scores:delete" in scope.permissions
        admitted: list[ScoreRow] = []
        replaced: list[str] = []
        for row in rows:
            key = (scope.project_id, row.score_id)
            author_id = self._recent.get(key, stored.get(row.score_id))
            is_anothers = author_id is not None and author_id != row.author_id
            if is_anothers and not may_replace:
                continue
            if is_anothers:
                replaced.append(f"score/{row.score_id}")
            admitted.append(row)
            self._remember(key, row.author_id)
        if replaced:
            await asyncio.to_thread(self._audit.record_replacements, scope, replaced)
        return admitted

    def _remember(self, key: tuple[str, str], author_id: str) -> None:
        self._recent[key] = author_id
        self._recent.move_to_end(key)
        if len(self._recent) > MAX_REMEMBERED:
            self._recent.popitem(last=False)


def not_the_author(score_id: str) -> PermissionDeniedError:
    """Somebody else gave this score."""
    return PermissionDeniedError(
        f"score {score_id[:100]!r} was given by somebody else",
        hint="Leave out `id` to add another, or ask for permission 'scores:delete' to replace it.",
        code="score_of_another",
        param="id",
        params={"id": score_id[:100]},
    )
