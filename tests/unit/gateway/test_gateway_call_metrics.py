"""Counts of calls: what is counted where, and that series are bounded; when a call is refused at the door."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from kaname.gateway.call_metrics import MAX_CODES, MAX_SERIES, OTHER, CallMetrics
from kaname.gateway.caller_context import open_record
from kaname.gateway.limits.costs import Used
from kaname.gateway.load_gate import LoadGate
from kaname.gateway.metrics_report import report_calls
from kaname.gateway.model import AttemptRecord, GatewayRecord
from kaname.gateway.sweep import Sweeper
from kaname.kernel.exposition import Exposition

USED = Used({"input_uncached": 9, "output_text": 3}, 9, 3)


def record(**fields: Any) -> GatewayRecord:
    made = open_record("chat_completions", {})
    given: Mapping[str, Any] = {"status": 200, "provider": "up", "duration_ns": 30_000_000, **fields}
    for name, value in given.items():
        setattr(made, name, value)
    return made


def attempt(target: str) -> AttemptRecord:
    return AttemptRecord(target=target, start_ns=0, duration_ns=0)


def text_of(metrics: CallMetrics) -> str:
    out = Exposition()
    report_calls(out, metrics)
    return out.text()


def test_calls_tokens_costs_and_times_are_counted() -> None:
    metrics = CallMetrics()
    metrics.count(record(cost_nano_usd=2_000_000_000, ttft_ns=20_000_000), USED)
    metrics.count(record(cost_nano_usd=None), USED)
    metrics.count(record(status=429, outcome="error", error_code="rate_limit_exceeded"), None)
    text = text_of(metrics)
    at = 'surface="chat_completions",provider="up"'
    for line in (
        'kaname_gateway_requests_total{surface="chat_completions",status="200",outcome="ok",provider="up"} 2',
        'kaname_gateway_requests_total{surface="chat_completions",status="429",outcome="error",provider="up"} 1',
        f'kaname_gateway_request_duration_seconds_bucket{{{at},le="0.05"}} 3',
        f'kaname_gateway_request_duration_seconds_bucket{{{at},le="0.025"}} 0',
        f"kaname_gateway_time_to_first_token_seconds_count{{{at}}} 1",
        f'kaname_gateway_tokens_total{{kind="input",{at}}} 18',
        f'kaname_gateway_tokens_total{{kind="output",{at}}} 6',
        f"kaname_gateway_cost_usd_total{{{at}}} 2",
        'kaname_gateway_errors_total{code="rate_limit_exceeded"} 1',
        "kaname_gateway_unpriced_total 1",
    ):
        assert f"{line}\n" in text


def test_retries_count_by_who_was_tried_and_fallbacks_by_who_was_left() -> None:
    metrics = CallMetrics()
    metrics.count(record(attempts=[attempt("a/m"), attempt("a/m"), attempt("b/m")]), None)
    metrics.count(record(attempts=[attempt("a/m"), attempt("a/m")]), None)
    assert metrics.retries == {"a": 2, "b": 1}
    assert metrics.fallbacks == {"a": 1}


def test_series_and_codes_are_bounded() -> None:
    metrics = CallMetrics()
    for number in range(MAX_SERIES + 100):
        metrics.count(record(provider=f"p{number}", outcome="error", error_code=f"c{number}"), None)
    assert len(metrics.series) == MAX_SERIES + 1
    assert metrics.series["chat_completions", 200, "error", OTHER].calls == 100
    assert len(metrics.errors) == MAX_CODES + 1


def test_the_gate_refuses_when_full_behind_or_draining() -> None:
    loop = asyncio.new_event_loop()
    sweeper = Sweeper(loop)
    gate = LoadGate(sweeper, 2, 0.5)
    assert gate.refusal() is None
    gate.running = 2
    assert gate.refusal() == "in_flight"
    gate.running = 1
    sweeper.lag_s = 0.6
    assert gate.refusal() == "lag"
    gate.running = 0
    assert gate.refusal() is None
    gate.is_draining = True
    assert gate.refusal() == "draining"
    loop.close()
    off = LoadGate(sweeper, 0, 0.0)
    off.running = 1 << 40
    assert off.refusal() is None


def test_the_sweeper_measures_how_late_the_loop_is() -> None:
    class Blocks:
        def __init__(self) -> None:
            self.calls = 0

        def sweep(self, now: float) -> None:
            self.calls += 1

    async def run() -> float:

        sweeper, item = Sweeper(asyncio.get_running_loop()), Blocks()
        sweeper.add(item)
        time.sleep(0.3)  # noqa: ASYNC251 - the point
        while not item.calls:  # noqa: ASYNC110 - it is the loop itself that is watched
            await asyncio.sleep(0.001)
        lag_s = sweeper.lag_s
        sweeper.discard(item)
        while sweeper.lag_s:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return lag_s

    assert asyncio.run(run()) > 0.2
