"""Traces, sessions and end users as the API answers them."""

from typing import cast

from kaname.kernel.errors import NotFoundError
from kaname.storage.columns import ColumnsClient
from kaname.traces import groups_shape, shape
from kaname.traces.criteria import SpanCriteria
from kaname.traces.queries.conversation import read_generations
from kaname.traces.queries.groups import list_groups, sum_groups
from kaname.traces.queries.scores import scores_of_sessions, scores_of_traces
from kaname.traces.queries.session_traces import read_session_traces
from kaname.traces.queries.trace import no_such_trace
from kaname.traces.shape import JsonObject
from kaname.traces.transcript import build_transcript


def list_traces(
    columns: ColumnsClient, project_id: str, criteria: SpanCriteria, *, limit: int, cursor: str | None, now_ns: int
) -> JsonObject:
    """One page of traces that have a matching span, the newest first."""
    page = list_groups(columns, project_id, "trace_id", criteria, limit=limit, cursor=cursor, now_ns=now_ns)
    items = [groups_shape.trace_summary(r) for r in page.rows]
    scores = scores_of_traces(columns, project_id, [str(r["id"]) for r in page.rows])
    groups_shape.attach_trace_scores(items, scores)
    return {"items": items, "next_cursor": page.next_cursor}


def list_sessions(
    columns: ColumnsClient, project_id: str, criteria: SpanCriteria, *, limit: int, cursor: str | None, now_ns: int
) -> JsonObject:
    """One page of sessions that have a matching span, the one with the newest first."""
    page = list_groups(columns, project_id, "session_id", criteria, limit=limit, cursor=cursor, now_ns=now_ns)
    return {"items": [groups_shape.session_summary(r) for r in page.rows], "next_cursor": page.next_cursor}


def list_end_users(
    columns: ColumnsClient, project_id: str, criteria: SpanCriteria, *, limit: int, cursor: str | None, now_ns: int
) -> JsonObject:
    """One page of end users that have a matching span, the last seen first; sums over the criteria's time range."""
    page = list_groups(columns, project_id, "user_id", criteria, limit=limit, cursor=cursor, now_ns=now_ns)
    return {"items": [groups_shape.end_user(r) for r in page.rows], "next_cursor": page.next_cursor}


def read_session(columns: ColumnsClient, project_id: str, session_id: str) -> JsonObject:
    """A session with its traces, oldest first, its conversation and its scores; raises NotFoundError."""
    found = sum_groups(columns, project_id, "session_id", [session_id], None)
    if session_id not in found:
        raise NotFoundError(
            f"no session {session_id[:100]!r} in this project",
            code="session_not_found",
            params={"id": session_id[:100]},
        )
    row = found[session_id]
    around = (cast("int", row["start_ns"]), cast("int", row["last_ns"]))
    traces, more_traces = read_session_traces(columns, project_id, session_id, around)
    items = [groups_shape.trace_summary(t) for t in traces]
    groups_shape.attach_trace_scores(items, scores_of_traces(columns, project_id, [str(t["id"]) for t in traces]))
    generations, more_turns = read_generations(columns, project_id, "session_id", session_id, around)
    turns, cut = build_transcript(generations)
    return {
        **groups_shape.session_summary(row),
        "traces": items,
        "turns": turns,
        "truncated": more_traces or more_turns or cut,
        "scores": [shape.score(s) for s in scores_of_sessions(columns, project_id, [session_id])],
    }


def read_end_user(columns: ColumnsClient, project_id: str, user_id: str) -> JsonObject:
    """One end user over all time; raises NotFoundError."""
    found = sum_groups(columns, project_id, "user_id", [user_id], None)
    if user_id not in found:
        raise NotFoundError(
            f"no end user {user_id[:100]!r} in this project", code="end_user_not_found", params={"id": user_id[:100]}
        )
    return groups_shape.end_user(found[user_id])


def read_transcript(
    columns: ColumnsClient, project_id: str, trace_id: str, at_ns: int | None, *, with_history: bool
) -> JsonObject:
    """The conversation of a trace; raises NotFoundError if there is no such trace."""
    found = sum_groups(columns, project_id, "trace_id", [trace_id], None if at_ns is None else (at_ns, at_ns))
    if not found and at_ns is not None:
        found = sum_groups(columns, project_id, "trace_id", [trace_id], None)
    if not found:
        raise no_such_trace(trace_id)
    row = found[trace_id]
    around = (cast("int", row["start_ns"]), cast("int", row["last_ns"]))
    generations, more = read_generations(columns, project_id, "trace_id", trace_id, around)
    turns, cut = build_transcript(generations, with_history=with_history)
    return {"turns": turns, "truncated": more or cut}
