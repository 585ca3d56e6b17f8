"""Counts of calls since the process began, for `/metrics`: plain numbers, about a microsecond a call.

Belongs to one event loop. Series are bounded: surfaces, statuses and outcomes are few and ours, providers come from the
configuration; beyond `MAX_SERIES` what is new counts as provider `other`.
"""

from bisect import bisect_left
from collections import Counter

from kaname.gateway.limits.costs import Used
from kaname.gateway.model import GatewayRecord

DURATION_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
TTFT_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
MAX_SERIES = 2_000
MAX_CODES = 100
OTHER = "other"
_DURATION_NS = tuple(int(bound * 1e9) for bound in DURATION_BOUNDS_S)
_TTFT_NS = tuple(int(bound * 1e9) for bound in TTFT_BOUNDS_S)


class CallSeries:
    """Calls of one surface, status, outcome and provider."""

    __slots__ = (
        "calls", "cost_nano_usd", "duration_ns", "durations", "input_tokens", "output_tokens", "ttft_ns", "ttfts",
    )  # fmt: skip

    def __init__(self) -> None:
        self.calls = 0
        self.duration_ns = 0
        self.durations = [0] * (len(DURATION_BOUNDS_S) + 1)
        self.ttft_ns = 0
        self.ttfts = [0] * (len(TTFT_BOUNDS_S) + 1)
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost_nano_usd = 0


class CallMetrics:
    """Every series, and what happens seldom."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, int, str, str], CallSeries] = {}
        self.retries: Counter[str] = Counter()
        """Attempts after the first, by provider."""
        self.fallbacks: Counter[str] = Counter()
        """Calls that another target than the first served or failed, by the first one's provider."""
        self.errors: Counter[str] = Counter()
        """Calls that failed, by error code."""
        self.refused: Counter[str] = Counter()
        """Calls refused before they were read, by reason."""
        self.unpriced = 0
        """Calls with usage whose price isn't known."""
        self.cache: Counter[str] = Counter()
        self.estimated = 0
        """Calls whose usage the upstream didn't say."""

    def count(self, record: GatewayRecord, used: Used | None) -> None:
        """One call that is over; its record is complete."""
        key = (record.surface, record.status, record.outcome, record.provider)
        series = self.series.get(key)
        if series is None:
            series = self._new(key)
        series.calls += 1
        duration_ns = record.duration_ns
        series.duration_ns += duration_ns
        series.durations[bisect_left(_DURATION_NS, duration_ns)] += 1
        ttft_ns = record.ttft_ns
        if ttft_ns is not None:
            series.ttft_ns += ttft_ns
            series.ttfts[bisect_left(_TTFT_NS, ttft_ns)] += 1
        if used is not None:
            series.input_tokens += used.input_tokens
            series.output_tokens += used.output_tokens
            cost = record.cost_nano_usd
            if cost is None:
                self.unpriced += 1
            else:
                series.cost_nano_usd += cost
        if record.outcome != "ok" or len(record.attempts) > 1 or record.cache or record.usage_estimated:
            self._count_rest(record)

    def _count_rest(self, record: GatewayRecord) -> None:
        if record.cache:
            self.cache[record.cache] += 1
        self.estimated += record.usage_estimated
        if record.outcome != "ok":
            code = record.error_code or record.error_type or OTHER
            self.errors[code if code in self.errors or len(self.errors) < MAX_CODES else OTHER] += 1
        attempts = record.attempts
        if len(attempts) > 1:
            for attempt in attempts[1:]:
                self.retries[attempt.target.partition("/")[0]] += 1
            if attempts[-1].target != attempts[0].target:
                self.fallbacks[attempts[0].target.partition("/")[0]] += 1

    def _new(self, key: tuple[str, int, str, str]) -> CallSeries:
        if len(self.series) >= MAX_SERIES:
            key = (*key[:3], OTHER)
        return self.series.setdefault(key, CallSeries())
