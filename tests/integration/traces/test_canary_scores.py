"""How a canary's calls were scored, read from the column store."""

import time
from collections.abc import Callable

from kaname.storage.columns import ColumnsClient
from kaname.traces.canary_scores import CanaryScores
from kaname.traces.model import ScoreRow
from traces_rows import make_score, make_span, trace_id


def verdict(n: int, value: float, at_ns: int) -> ScoreRow:
    return make_score(n, name="liked", data_type="numeric", value=value, trace_id=trace_id(n), created_ns=at_ns)


def test_scores_of_calls_of_the_step_by_arm(store: ColumnsClient, insert: Callable[..., None]) -> None:
    now, before = time.time_ns(), time.time_ns() - 60_000_000_000
    rows: list[object] = []
    for i in range(200, 208):
        metadata = {"experiment": "bot/0", "arm": "a" if i < 204 else "b"}
        at = before if i in (200, 204) else now
        rows += [
            make_span(i, trace=i, start_ns=at, scope_name="kaname.gateway", metadata=metadata),
            verdict(i, i - 200.5, now),
        ]
    rows += [
        make_span(290, trace=290, start_ns=now, metadata={"experiment": "bot/0", "arm": "a"}),
        verdict(290, 9, now),
    ]
    insert(*rows)
    source = CanaryScores(store)
    found = source.scores("bot/0", "liked", now - 1_000_000_000)
    assert {arm: sorted(values) for arm, values in found.items()} == {"a": [0.5, 1.5, 2.5], "b": [4.5, 5.5, 6.5]}
    assert len(source.scores("bot/0", "liked", before)["a"]) == 4
    assert source.scores("bot/0", "other", before) == {}
