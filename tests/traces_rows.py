"""Rows for tests of the Traces API: spans and scores with sensible fields, and their way into the store."""

from datetime import UTC, datetime

from kaname.kernel.clock import to_ns
from kaname.storage.columns import ColumnsClient
from kaname.traces.model import ScoreRow, SpanRow
from kaname.traces.span_store import encode_row

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW_NS = to_ns(NOW)
PROJECT, OTHER = "prj_ours", "prj_theirs"
SECOND = 1_000_000_000


def trace_id(n: int) -> str:
    return f"{n:032x}"


def span_id(n: int) -> str:
    return f"{n:016x}"


def make_span(
    n: int, *, trace: int = 1, project: str = PROJECT, parent: int | None = None, **fields: object
) -> SpanRow:
    """Span number n: starts n seconds before now, unless told otherwise."""
    values: dict[str, object] = {
        "project_id": project,
        "trace_id": trace_id(trace),
        "span_id": span_id(n),
        "parent_span_id": "" if parent is None else span_id(parent),
        "name": f"span {n}",
        "start_ns": NOW_NS - n * SECOND,
        "duration_ns": 250_000_000,
        "is_root": parent is None,
        "received_ns": NOW_NS,
        "row_version": 1,
    }
    return SpanRow(**(values | fields))  # type: ignore[arg-type]


def make_score(n: int, **fields: object) -> ScoreRow:
    """Score number n: numeric, of trace 1, n seconds before now, unless told otherwise."""
    values: dict[str, object] = {
        "project_id": PROJECT,
        "score_id": f"scr_{n}",
        "name": "quality",
        "data_type": "numeric",
        "value": float(n),
        "source": "human",
        "target": "trace",
        "trace_id": trace_id(1),
        "created_ns": NOW_NS - n * SECOND,
        "row_version": 1,
    }
    return ScoreRow(**(values | fields))  # type: ignore[arg-type]


def insert_rows(store: ColumnsClient, *rows: SpanRow | ScoreRow) -> None:
    """Puts rows where queries see them at once."""
    for table, kind in (("spans", SpanRow), ("scores", ScoreRow)):
        lines = [encode_row(r) for r in rows if isinstance(r, kind)]
        if lines:
            store.insert_json_lines(table, b"\n".join(lines))
