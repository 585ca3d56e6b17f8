"""How the calls of an experiment were scored, by arm: implements the gateway's `ScoreSource` for canaries.

Of more than 2,000 scores of an arm it gives a fixed sample. It reads over all projects, as `experiment_rewards.py` does
and for the same reason, and only spans of the gateway's scope.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from kaname.storage.columns import ColumnsClient
from kaname.traces.queries.statement import READ_SETTINGS

_SCORES = """
SELECT arm, groupArraySample(2000, 7)(reward) AS rewards FROM (
  SELECT project_id, trace_id, any(metadata['arm']) AS arm FROM spans
  WHERE metadata['experiment'] = {experiment:String} AND metadata['arm'] != '' AND scope_name = 'kaname.gateway'
    AND start_time >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
  GROUP BY project_id, trace_id
) AS calls
INNER JOIN (
  SELECT project_id, trace_id, assumeNotNull(value) AS reward FROM scores FINAL
  WHERE name = {metric:String} AND is_deleted = 0 AND isNotNull(value) AND trace_id != ''
    AND created_at >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
) AS given USING (project_id, trace_id)
GROUP BY arm
"""


class CanaryScores:
    """Reads the column store."""

    def __init__(self, columns: ColumnsClient) -> None:
        self._columns = columns

    def scores(self, experiment: str, metric: str, since_ns: int) -> Mapping[str, Sequence[float]]:
        """By arm, of calls that began at or after `since_ns`."""
        parameters = {"experiment": experiment, "metric": metric, "since": since_ns}
        rows = self._columns.query_rows(_SCORES, parameters, settings=READ_SETTINGS)
        return {str(row["arm"]): cast("list[float]", row["rewards"]) for row in rows}
