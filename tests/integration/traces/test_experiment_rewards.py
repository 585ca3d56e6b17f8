"""What the arms of an experiment earned, read from the column store."""

import time
from collections.abc import Callable

from kaname.storage.columns import ColumnsClient
from kaname.traces.experiment_rewards import ExperimentRewards
from kaname.traces.model import ScoreRow
from traces_rows import make_score, make_span, trace_id


def verdict(n: int, value: float, at_ns: int) -> ScoreRow:
    return make_score(n, name="thumbs_up", data_type="boolean", value=value, trace_id=trace_id(n), created_ns=at_ns)


def test_scores_are_summed_by_the_arm_of_their_trace(store: ColumnsClient, insert: Callable[..., None]) -> None:
    now, experiment = time.time_ns(), "exp-1"
    rows: list[object] = []
    for i in range(10):
        metadata = {"experiment": experiment, "arm": "a" if i < 4 else "b"}
        rows.append(make_span(i, trace=i, start_ns=now, scope_name="kaname.gateway", metadata=metadata))
        if i != 9:
            value = 1.0 if i in (0, 4, 5, 6) else 0.0
            rows.append(verdict(i, value, now))
    rows.append(make_span(99, trace=99, start_ns=now, metadata={"experiment": experiment, "arm": "a"}))
    rows.append(verdict(99, 1.0, now))
    insert(*rows)
    source = ExperimentRewards(store)
    earned = source.rewards("exp-1", "thumbs_up")
    assert {arm: (r.n, r.mean) for arm, r in earned.items()} == {"a": (4, 0.25), "b": (5, 0.6)}
    assert abs(earned["a"].m2 - 0.75) < 1e-9
    assert source.kind("thumbs_up") == "boolean"
    assert source.rewards("exp-2", "thumbs_up") == {}
