"""Spans over time in buckets of equal length: how many, how many failed, cost, and percentiles of duration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from kaname.storage.columns import ColumnsClient
from kaname.traces.criteria import SpanCriteria
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

MAX_BUCKETS = 500
_NICE_MS = (
    1, 10, 100, 250, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000,
    1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000,
    604_800_000, 2_592_000_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Spans that start in [start_ns, start_ns + interval)."""

    start_ns: int
    count: int = 0
    errors: int = 0
    cost: str | None = None
    p50_ns: float | None = None
    p95_ns: float | None = None


def read_histogram(
    columns: ColumnsClient, project_id: str, criteria: SpanCriteria, buckets: int
) -> tuple[int, Sequence[Bucket]]:
    """(interval in ms, buckets without gaps), at most `buckets` of them over the range asked for or, where it is open,
    the range that has spans. No buckets if nothing matches an open range."""
    span = _range(columns, project_id, criteria)
    if span is None:
        return _NICE_MS[-1], []
    begin, end = span
    interval_ms = _choose_interval_ms(begin, end, min(buckets, MAX_BUCKETS))
    step = interval_ms * 1_000_000
    statement = ProjectStatement(project_id)
    sql = (
        f"SELECT intDiv(toUnixTimestamp64Nano(start_time), {step}) AS slot, count() AS n,"
        " countIf(status = 'error') AS errors, toString(sum(cost_usd)) AS cost,"
        " quantiles(0.5, 0.95)(duration_ns) AS q"
        f" {statement.source('spans', criteria.within(begin, end).conditions(statement))} GROUP BY slot"
    )
    rows = {cast("int", r["slot"]): r for r in columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)}
    slots = range(begin // step, (end - 1) // step + 1)
    return interval_ms, [_to_bucket(slot * step, rows.get(slot)) for slot in slots]


def _range(columns: ColumnsClient, project_id: str, criteria: SpanCriteria) -> tuple[int, int] | None:
    if criteria.from_ns is not None and criteria.to_ns is not None:
        return criteria.from_ns, criteria.to_ns
    statement = ProjectStatement(project_id)
    sql = (
        "SELECT count() AS n, toUnixTimestamp64Nano(min(start_time)) AS first, toUnixTimestamp64Nano(max(start_time))"
        f" AS last {statement.source('spans', criteria.conditions(statement))}"
    )
    row = columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)[0]
    if not row["n"]:
        return None
    begin = cast("int", row["first"]) if criteria.from_ns is None else criteria.from_ns
    end = cast("int", row["last"]) + 1 if criteria.to_ns is None else criteria.to_ns
    return begin, end


def _choose_interval_ms(begin: int, end: int, buckets: int) -> int:
    # One bucket fewer, because the range seldom begins where a bucket does.
    least = (end - begin) / 1e6 / max(1, buckets - 1)
    for nice in _NICE_MS:
        if nice >= least:
            return nice
    return int(least // _NICE_MS[-1] + 1) * _NICE_MS[-1]


def _to_bucket(start_ns: int, row: dict[str, object] | None) -> Bucket:
    if row is None:
        return Bucket(start_ns=start_ns)
    median, high = cast("Sequence[float]", row["q"])
    return Bucket(
        start_ns=start_ns,
        count=cast("int", row["n"]),
        errors=cast("int", row["errors"]),
        cost=cast("str | None", row["cost"]),
        p50_ns=median,
        p95_ns=high,
    )
