"""Reads of scores. The newest version of a score counts and deleted ones don't: hence FINAL, on a small table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from kaname.kernel.paging import decode_cursor, encode_cursor
from kaname.storage.columns import ColumnsClient
from kaname.traces.model import ScoreDataType, ScoreSource, ScoreTarget
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

Row = dict[str, object]
MAX_SCORES_OF_ONE = 2000
"""Scores shown with one trace, session or page of spans."""
_IDS_AT_ONCE = 250

SCORE_COLUMNS = (
    "score_id, name, data_type, value, label, text, source, author_id, author_name, explanation, target, trace_id,"
    " span_id, session_id, environment, metadata, execution_trace_id, toUnixTimestamp64Nano(created_at) AS created_ns"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCriteria:
    """A conjunction over scores; None means any."""

    from_ns: int | None = None
    to_ns: int | None = None
    name: str | None = None
    source: ScoreSource | None = None
    data_type: ScoreDataType | None = None
    target: ScoreTarget | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session_id: str | None = None
    author_id: str | None = None

    def conditions(self, statement: ProjectStatement) -> list[str]:
        """SQL over table `scores`, without the project."""
        equal = {
            "name": self.name,
            "source": self.source,
            "data_type": self.data_type,
            "target": self.target,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "session_id": self.session_id,
            "author_id": self.author_id,
        }
        found = [f"{column} = {statement.text(value)}" for column, value in equal.items() if value is not None]
        if self.from_ns is not None:
            found.append(f"created_at >= {statement.moment(self.from_ns)}")
        if self.to_ns is not None:
            found.append(f"created_at < {statement.moment(self.to_ns)}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePage:
    """Rows of `SCORE_COLUMNS`, newest first, and where the next page begins."""

    rows: Sequence[Row]
    next_cursor: str | None


def list_scores(
    columns: ColumnsClient, project_id: str, criteria: ScoreCriteria, *, limit: int, cursor: str | None
) -> ScorePage:
    """One page of scores, newest first."""
    statement = ProjectStatement(project_id)
    conditions = criteria.conditions(statement)
    if cursor:
        at, score_id = decode_cursor(cursor, [int, str])
        key = f"({statement.moment(int(at))}, {statement.text(str(score_id))})"
        conditions.append(f"(created_at, score_id) < {key}")
    sql = (
        f"SELECT {SCORE_COLUMNS} {statement.source('scores', conditions, final=True)}"
        f" ORDER BY created_at DESC, score_id DESC LIMIT {limit + 1}"
    )
    rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
    shown = rows[:limit]
    keys = [cast("int", shown[-1]["created_ns"]), str(shown[-1]["score_id"])] if len(rows) > limit else []
    return ScorePage(rows=shown, next_cursor=encode_cursor(keys) if keys else None)


def scores_of_traces(
    columns: ColumnsClient, project_id: str, trace_ids: Sequence[str], *, newest: int = MAX_SCORES_OF_ONE
) -> list[Row]:
    """Scores of these traces and of their spans, oldest first."""
    return _scores_in(columns, project_id, "trace_id", trace_ids, newest)


def scores_of_sessions(columns: ColumnsClient, project_id: str, session_ids: Sequence[str]) -> list[Row]:
    """Scores that target these sessions, oldest first."""
    return _scores_in(columns, project_id, "session_id", session_ids, MAX_SCORES_OF_ONE)


def find_score(columns: ColumnsClient, project_id: str, score_id: str) -> Row | None:
    """One score, None if it isn't there (or not yet visible)."""
    statement = ProjectStatement(project_id)
    source = statement.source("scores", [f"score_id = {statement.text(score_id)}"], final=True)
    rows = columns.query_rows(f"SELECT {SCORE_COLUMNS} {source} LIMIT 1", statement.parameters, settings=READ_SETTINGS)
    return rows[0] if rows else None


def find_authors(columns: ColumnsClient, project_id: str, score_ids: Sequence[str]) -> dict[str, str]:
    """Score id → author id, for those that are there (and visible)."""
    found: dict[str, str] = {}
    for start in range(0, len(score_ids), _IDS_AT_ONCE):
        statement = ProjectStatement(project_id)
        wanted = statement.texts(score_ids[start : start + _IDS_AT_ONCE])
        source = statement.source("scores", [f"score_id IN {wanted}"], final=True)
        sql = f"SELECT score_id, author_id {source}"
        rows = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
        found |= {str(row["score_id"]): str(row["author_id"]) for row in rows}
    return found


def _scores_in(columns: ColumnsClient, project_id: str, column: str, ids: Sequence[str], newest: int) -> list[Row]:
    wanted = [i for i in dict.fromkeys(ids) if i]
    if not wanted:
        return []
    statement = ProjectStatement(project_id)
    source = statement.source("scores", [f"{column} IN {statement.texts(wanted)}"], final=True)
    sql = f"SELECT {SCORE_COLUMNS} {source} ORDER BY created_at DESC, score_id LIMIT {newest}"
    return columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)[::-1]
