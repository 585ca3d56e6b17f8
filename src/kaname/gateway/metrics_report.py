"""Writes the gateway's numbers for a scrape. Reads memory only; about a millisecond, however many calls there were."""

from collections.abc import Mapping

from kaname.gateway.cache.statistics import CacheStatistics
from kaname.gateway.call_metrics import DURATION_BOUNDS_S, TTFT_BOUNDS_S, CallMetrics, CallSeries
from kaname.gateway.health import HealthBook
from kaname.gateway.pool import Pool
from kaname.gateway.routing.breaker import BreakerState
from kaname.kernel.exposition import Exposition

MAX_TARGETS = 500
"""Targets shown with their breakers; those used first. Names of models come from callers where a provider is open."""
_STATES: tuple[BreakerState, ...] = ("closed", "cooling", "open", "half_open", "ramping")


def report_calls(out: Exposition, metrics: CallMetrics) -> None:
    """Everything that calls counted."""
    groups: dict[tuple[str, str], list[CallSeries]] = {}
    for (surface, status, outcome, provider), series in list(metrics.series.items()):
        out.add(
            "kaname_gateway_requests_total", "counter", "Calls that have ended.", series.calls,
            surface=surface, status=str(status), outcome=outcome, provider=provider,
        )  # fmt: skip
        groups.setdefault((surface, provider), []).append(series)
    for (surface, provider), group in groups.items():
        _report_group(out, group, {"surface": surface, "provider": provider})
    _report_counter(out, "retries", "Attempts after a call's first one.", metrics.retries, "provider")
    _report_counter(out, "fallbacks", "Calls that left their first target.", metrics.fallbacks, "provider")
    _report_counter(out, "errors", "Calls that failed or were left, by code.", metrics.errors, "code")
    _report_counter(out, "shed", "Calls refused before they were read.", metrics.refused, "reason")
    _report_counter(out, "cache", "Calls of cached routes by what the cache said.", metrics.cache, "outcome")
    out.add("kaname_gateway_unpriced_total", "counter", "Calls with usage of unknown price.", metrics.unpriced)
    out.add(
        "kaname_gateway_estimated_usage_total", "counter", "Calls whose usage had to be estimated.", metrics.estimated
    )


def report_upstreams(out: Exposition, health: HealthBook, pool: Pool, now: float) -> None:
    """Targets, the breakers of their keys, and connections. `now` is the event loop's time."""
    for name, target in health.items()[:MAX_TARGETS]:
        out.add("kaname_gateway_target_in_flight", "gauge", "Attempts under way.", target.load.in_flight, target=name)
        latency_s = target.load.latency_s
        if latency_s is not None:
            out.add(
                "kaname_gateway_target_latency_seconds", "gauge", "Latency by which targets are chosen.", latency_s,
                target=name,
            )  # fmt: skip
        for key_name, key in list(target.keys.items()):
            state = key.breaker.state(now)
            for each in _STATES:
                out.add(
                    "kaname_gateway_breaker_state", "gauge", "1 for the state that the breaker is in.", each == state,
                    target=name, key=key_name, state=each,
                )  # fmt: skip
    for origin, count in pool.connections_by_host().items():
        out.add(
            "kaname_gateway_upstream_connections", "gauge", "Connections to upstreams, idle ones too.", count.open,
            host=origin,
        )  # fmt: skip
        out.add(
            "kaname_gateway_upstream_waiting", "gauge", "Calls that wait for a connection.", count.waiting, host=origin
        )


def report_cache(out: Exposition, stats: CacheStatistics) -> None:
    """The store of kept answers."""
    out.add("kaname_gateway_cache_entries", "gauge", "Answers kept.", stats.entries)
    out.add("kaname_gateway_cache_bytes", "gauge", "Their size.", stats.bytes)
    out.add("kaname_gateway_cache_evicted_total", "counter", "Answers that made room for others.", stats.evicted)
    out.add("kaname_gateway_cache_unwritten_total", "counter", "Answers that the disk didn't take.", stats.unwritten)


def _report_group(out: Exposition, group: list[CallSeries], labels: Mapping[str, str]) -> None:
    out.add_histogram(
        "kaname_gateway_request_duration_seconds", "From a call's arrival to the last byte of its answer.",
        DURATION_BOUNDS_S, [sum(n) for n in zip(*(s.durations for s in group), strict=True)],
        sum(s.duration_ns for s in group) / 1e9, **labels,
    )  # fmt: skip
    ttfts = [sum(n) for n in zip(*(s.ttfts for s in group), strict=True)]
    if any(ttfts):
        out.add_histogram(
            "kaname_gateway_time_to_first_token_seconds", "From a call's arrival to its first content.",
            TTFT_BOUNDS_S, ttfts, sum(s.ttft_ns for s in group) / 1e9, **labels,
        )  # fmt: skip
    for kind, tokens in (
        ("input", sum(s.input_tokens for s in group)),
        ("output", sum(s.output_tokens for s in group)),
    ):
        out.add("kaname_gateway_tokens_total", "counter", "Tokens used.", tokens, kind=kind, **labels)
    cost = sum(s.cost_nano_usd for s in group) / 1e9
    out.add("kaname_gateway_cost_usd_total", "counter", "What calls cost, where the price is known.", cost, **labels)


def _report_counter(out: Exposition, name: str, help_text: str, counts: Mapping[str, int], label: str) -> None:
    for value, count in list(counts.items()):
        out.add(f"kaname_gateway_{name}_total", "counter", help_text, count, **{label: value})
