"""What the arms of an experiment earned: scores of one name, joined to the gateway's calls by trace.

Implements the gateway's `RewardSource`. It reads over all projects, because routes belong to the installation, and
only spans of the gateway's scope. The last thirty days count.
"""

from collections.abc import Mapping
from typing import cast

from kaname.gateway.routing.bandit import MetricKind, Rewards
from kaname.storage.columns import ColumnsClient
from kaname.traces.queries.statement import READ_SETTINGS

_REWARDS = """
SELECT arm, count() AS n, avg(reward) AS mean, varPop(reward) * n AS m2 FROM (
  SELECT project_id, trace_id, any(metadata['arm']) AS arm FROM spans
  WHERE metadata['experiment'] = {experiment:String} AND metadata['arm'] != '' AND scope_name = 'kaname.gateway'
    AND start_time > now() - INTERVAL 30 DAY
  GROUP BY project_id, trace_id
) AS calls
INNER JOIN (
  SELECT project_id, trace_id, assumeNotNull(value) AS reward FROM scores FINAL
  WHERE name = {metric:String} AND is_deleted = 0 AND isNotNull(value) AND trace_id != ''
    AND created_at > now() - INTERVAL 30 DAY
) AS given USING (project_id, trace_id)
GROUP BY arm
"""
_KIND = "SELECT countIf(data_type = 'boolean') AS booleans, count() AS n FROM scores WHERE name = {metric:String}"


class ExperimentRewards:
    """Reads the column store."""

    def __init__(self, columns: ColumnsClient) -> None:
        self._columns = columns

    def rewards(self, experiment: str, metric: str) -> Mapping[str, Rewards]:
        """The sums by arm."""
        rows = self._columns.query_rows(_REWARDS, {"experiment": experiment, "metric": metric}, settings=READ_SETTINGS)
        return {
            str(row["arm"]): Rewards(cast("int", row["n"]), cast("float", row["mean"]), cast("float", row["m2"]))
            for row in rows
        }

    def kind(self, metric: str) -> MetricKind:
        """Yes or no when all its scores are."""
        (row,) = self._columns.query_rows(_KIND, {"metric": metric}, settings=READ_SETTINGS)
        return "boolean" if row["n"] == row["booleans"] else "float"
