"""A trace's skeleton as the API answers it: columns in tree pre-order, names and models by number."""

from collections.abc import Sequence
from typing import cast

from kaname.storage.columns import ColumnsClient
from kaname.traces import shape
from kaname.traces.model import SpanKind
from kaname.traces.queries.scores import scores_of_traces
from kaname.traces.queries.trace import TraceRows, read_trace
from kaname.traces.shape import JsonObject
from kaname.traces.tree import Tree, arrange

KIND_CODES: tuple[SpanKind, ...] = (
    "span", "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain", "guardrail", "evaluator", "event",
)  # fmt: skip
"""By the numbers of the column's enum (tables.py; a test compares)."""


def build_skeleton(columns: ColumnsClient, project_id: str, trace_id: str, at_ns: int | None) -> JsonObject:
    """The answer of GET traces/{trace_id}; raises NotFoundError."""
    rows = read_trace(columns, project_id, trace_id, at_ns)
    tree = arrange(rows.span_id, rows.parent_span_id)
    totals = rows.totals
    start_ns, end_ns = cast("int", totals["start_ns"]), cast("int", totals["end_ns"])
    names, name_index = _number(rows.name, first="")
    models, model_index = _number(rows.model, first="")
    span_count = cast("int", totals["span_count"])
    return {
        "trace_id": trace_id,
        "span_count": span_count,
        "truncated": span_count > len(rows.span_id),
        "start_time": shape.to_iso(start_ns),
        "duration_ms": shape.to_ms(end_ns - start_ns),
        "total_tokens": totals["tokens"],
        "cost_usd": totals["cost"],
        "error_count": totals["error_count"],
        "session_id": totals["session_id"],
        "user_id": totals["user_id"],
        "names": names,
        "models": models,
        "kinds": KIND_CODES,
        "columns": _columns(rows, tree, start_ns, name_index, model_index),
        "scores": [shape.score(s) for s in scores_of_traces(columns, project_id, [trace_id])],
        "missing_parents": len(tree.missing_ids),
    }


def _columns(
    rows: TraceRows, tree: Tree, start_ns: int, name_index: Sequence[int], model_index: Sequence[int]
) -> JsonObject:
    order = tree.rows
    starts = [(rows.start_ns[r] - start_ns) // 1000 if r >= 0 else -1 for r in order]
    durations = [rows.duration_ns[r] // 1000 if r >= 0 else 0 for r in order]
    if tree.missing_ids:
        _span_stand_ins(tree, starts, durations)
    return {
        "span_id": [rows.span_id[r] if r >= 0 else tree.missing_ids[-1 - r] for r in order],
        "parent_index": tree.parent_index,
        "depth": tree.depth,
        "name_index": [name_index[r] if r >= 0 else 0 for r in order],
        "kind": [rows.kind_code[r] if r >= 0 else 0 for r in order],
        "start_us": starts,
        "duration_us": durations,
        "status": [rows.status_code[r] if r >= 0 else 0 for r in order],
        "level": [rows.level_code[r] if r >= 0 else 0 for r in order],
        "model_index": [model_index[r] if r >= 0 else 0 for r in order],
        "total_tokens": [rows.tokens[r] if r >= 0 else 0 for r in order],
        "cost_usd": [rows.cost[r] if r >= 0 else 0.0 for r in order],
        "missing": [0 if r >= 0 else 1 for r in order],
    }


def _span_stand_ins(tree: Tree, starts: list[int], durations: list[int]) -> None:
    """A stand-in lasts from the start of its first child to the end of its last."""
    stand_ins = {at for at, row in enumerate(tree.rows) if row < 0}
    ends: dict[int, int] = {}
    for at, parent_at in enumerate(tree.parent_index):
        if parent_at in stand_ins:
            first = starts[parent_at]
            starts[parent_at] = starts[at] if first < 0 else min(first, starts[at])
            ends[parent_at] = max(ends.get(parent_at, 0), starts[at] + durations[at])
    for at, end in ends.items():
        durations[at] = end - starts[at]


def _number(values: Sequence[str], *, first: str) -> tuple[list[str], list[int]]:
    """(distinct values beginning with `first`, for each value its number)."""
    numbers: dict[str, int] = {first: 0}
    index = [numbers.setdefault(v, len(numbers)) for v in values]
    return list(numbers), index
