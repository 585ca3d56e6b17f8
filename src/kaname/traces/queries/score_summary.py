"""Scores summed up by name and type: numbers, labels, sources and the bins of a histogram."""

from collections.abc import Sequence
from dataclasses import dataclass

from kaname.storage.columns import ColumnsClient
from kaname.traces.queries.scores import ScoreCriteria
from kaname.traces.queries.statement import READ_SETTINGS, ProjectStatement

Row = dict[str, object]
MAX_NAMES = 200
MAX_LABELS = 50
BINS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSums:
    """Four results to be joined by (name, data_type)."""

    totals: Sequence[Row]
    """n, mean, deviation, least, largest, positives; most frequent first."""
    labels: Sequence[Row]
    sources: Sequence[Row]
    bins: Sequence[Row]
    """`bin` counts from 0; only where largest > least."""


def sum_scores(columns: ColumnsClient, project_id: str, criteria: ScoreCriteria) -> ScoreSums:
    """The sums of all scores that match; at most MAX_NAMES + 1 names, so that the caller sees when there are more."""

    def read(select: str, rest: str, *extra: str) -> list[Row]:
        statement = ProjectStatement(project_id)
        source = statement.source("scores", [*criteria.conditions(statement), *extra], final=True)
        return columns.query_rows(f"{select} {source} {rest}", statement.parameters, settings=READ_SETTINGS)

    group = "GROUP BY name, data_type"
    totals = read(
        "SELECT name, data_type, count() AS n, avg(value) AS mean, stddevSamp(value) AS deviation, min(value) AS least,"
        " max(value) AS largest, countIf(value > 0) AS positives",
        f"{group} ORDER BY n DESC, name LIMIT {MAX_NAMES + 1}",
    )
    labels = read(
        "SELECT name, data_type, toString(label) AS label, count() AS n",
        f"{group}, label ORDER BY n DESC, label LIMIT {MAX_LABELS} BY name, data_type LIMIT {MAX_NAMES * MAX_LABELS}",
        "label != ''",
    )
    sources = read(
        "SELECT name, data_type, toString(source) AS source, count() AS n",
        f"{group}, source ORDER BY n DESC, source LIMIT {MAX_NAMES * 8}",
    )
    return ScoreSums(totals=totals, labels=labels, sources=sources, bins=_read_bins(columns, project_id, criteria))


def _read_bins(columns: ColumnsClient, project_id: str, criteria: ScoreCriteria) -> list[Row]:
    statement = ProjectStatement(project_id)
    conditions = [*criteria.conditions(statement), "data_type = 'numeric'", "isNotNull(value)"]
    source = statement.source("scores", conditions, final=True)
    values = (
        "SELECT name, data_type, assumeNotNull(value) AS v, min(v) OVER by_name AS least,"
        f" max(v) OVER by_name AS largest {source} WINDOW by_name AS (PARTITION BY name)"
    )
    number = f"least(toInt64(floor((v - least) / (largest - least) * {BINS})), {BINS - 1})"
    rest = "WHERE largest > least GROUP BY name, data_type, bin ORDER BY name, bin"
    sql = f"SELECT name, data_type, {number} AS bin, count() AS n FROM ({values}) {rest}"  # noqa: S608 — all ours
    return columns.query_rows(sql, statement.parameters, settings=READ_SETTINGS)
