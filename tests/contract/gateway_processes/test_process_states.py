"""What several processes did is shown together, and whose breaker is open, on both SQL engines."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from kaname.gateway.cache.statistics import CacheStatistics, RouteCount
from kaname.gateway.config_file import ConfigFile
from kaname.gateway.health import HealthBook
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.processes.state import MAX_TARGETS, state_of
from kaname.gateway.processes.store import ALIVE_S, ProcessStates
from kaname.gateway.processes.tables import gateway_process_states
from kaname.gateway.processes.teller import BEAT_S, ProcessTeller
from kaname.gateway.status.service import GatewayStatus
from kaname.gateway.status.views import GatewayStatusView
from kaname.kernel.clock import ManualClock
from kaname.storage.sql.database import Database

CONFIG = """
providers: {up: {base_url: "https://up.example/v1", keys: [{env: A}, {env: B}]}}
models: {bot: {use: up/m, cache: {exact: 1h}}}
"""
TARGET = "up/m"


class Process:
    """One process, which tells when the test says so."""

    def __init__(self, database: Database, clock: ManualClock, file: ConfigFile) -> None:
        self.clock = clock
        self.health = HealthBook(Random(1))
        self.cache = CacheStatistics(routes={}, entries=0, bytes=0, evicted=0, unwritten=0, problem="")
        self.teller = ProcessTeller(
            "gateway", lambda: state_of(self.health, self.cache, file.current.version, clock),
            ProcessStates(database, clock), clock,
        )  # fmt: skip
        self.status = GatewayStatus(file, self.teller, PriceBook(None), clock)

    def call(self, latency_s: float, ok: bool = True, key: str = "env:A") -> None:
        now, target = self.clock.monotonic(), self.health.target(TARGET)
        target.traffic.count(now, latency_s, ok)
        self.health.route("bot").count(now, latency_s, ok, 0, "")
        known = target.key(key)
        known.requests += 1
        known.last_used = now
        if not ok:
            known.breaker.fail(now, now)

    def show(self) -> GatewayStatusView:
        return self.status.show()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC), 1000.0)


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIG)
    return ConfigFile(path, {"A": "a", "B": "b"})


@pytest.fixture
def pair(database: Database, clock: ManualClock, file: ConfigFile) -> tuple[Process, Process]:
    return Process(database, clock, file), Process(database, clock, file)


def test_traffic_is_the_sum_of_all_processes(pair: tuple[Process, Process]) -> None:
    one, two = pair
    for _ in range(3):
        one.call(0.1)
    for _ in range(97):
        two.call(2.0)
    assert one.show().targets[0].traffic.requests == 3
    two.teller.tell()
    shown = one.show()
    [target], [route] = shown.targets, shown.routes
    provider = next(provider for provider in shown.providers if provider.name == "up")
    for traffic in (target.traffic, route.traffic, route.steps[0].arms[0].traffic, provider.traffic):
        assert (traffic.requests, traffic.errors, traffic.requests_since_start) == (100, 0, 100)
        assert traffic.p50_ms == pytest.approx(2000, rel=0.15)
    assert [(p.answers, p.kind, p.requests_since_start) for p in shown.processes] == [
        (True, "gateway", 3), (False, "gateway", 97),
    ]  # fmt: skip
    assert {p.version for p in shown.processes} == {shown.version}


def test_an_open_breaker_is_shown_with_the_process_that_has_it(pair: tuple[Process, Process]) -> None:
    one, two = pair
    one.call(0.1)
    for _ in range(10):
        two.call(0.1, ok=False)
    two.call(0.1, key="env:B")
    two.teller.tell()
    first, second = one.show().targets[0].keys
    assert (first.name, first.state, first.requests) == ("env:A", "open", 11)
    assert first.retry_after_s > 0
    assert [(p.process, p.state) for p in first.processes] == [(two.teller.facts.name, "open")]
    assert (second.state, second.requests, second.processes) == ("closed", 1, [])
    assert second.last_used_at is not None


def test_caches_are_added_up(pair: tuple[Process, Process]) -> None:
    one, two = pair
    for process, hits in ((one, 2), (two, 5)):
        count = RouteCount(hits=hits, misses=1, saved_nano_usd=500_000_000)
        process.cache = CacheStatistics(
            routes={"bot": count}, entries=hits, bytes=10, evicted=0, unwritten=0, problem=""
        )
    two.teller.tell()
    cache = one.show().cache
    assert cache is not None
    assert (cache.entries, cache.routes[0].hits, cache.routes[0].misses, cache.routes[0].saved_usd) == (7, 7, 2, "1")


def test_a_process_that_ends_is_gone_and_one_that_was_killed_soon(
    pair: tuple[Process, Process], database: Database, clock: ManualClock, file: ConfigFile
) -> None:
    one, two = pair
    for process in pair:
        process.teller.tell()
    assert len(one.show().processes) == 2
    clock.advance(ALIVE_S - 1)
    assert len(one.show().processes) == 2
    clock.advance(2)
    assert len(one.show().processes) == 1
    two.teller.tell()
    assert len(one.show().processes) == 2
    ProcessStates(database, clock).remove(two.teller.facts.id)
    assert len(one.show().processes) == 1
    Process(database, clock, file).teller.tell()  # a new one clears away what was killed
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(gateway_process_states)).scalar_one() == 1


def test_what_didn_t_change_is_told_seldom(pair: tuple[Process, Process], database: Database) -> None:
    one, _ = pair
    clock = one.clock

    def seen() -> int:
        with database.read() as connection:
            return connection.execute(sa.select(gateway_process_states.c.seen_ns)).scalar_one()

    one.call(0.1)
    one.teller.tell()
    first = seen()
    clock.advance(BEAT_S - 1)
    one.teller.tell()
    assert seen() == first
    clock.advance(1)
    one.teller.tell()
    assert seen() > first


def test_names_that_callers_make_up_can_t_fill_the_table(pair: tuple[Process, Process]) -> None:
    one, two = pair
    for n in range(MAX_TARGETS + 50):
        two.health.target(f"up/made-up-{n}")
        two.health.route(f"made-up-{n}").count(two.clock.monotonic(), 0.1, True, 0, "")
    two.call(0.1)
    two.teller.tell()
    assert one.show().targets[0].traffic.requests == 1
    assert len(one.show().targets) == MAX_TARGETS


def test_a_row_of_another_version_is_left_out(pair: tuple[Process, Process], database: Database) -> None:
    one, two = pair
    two.teller.tell()
    with database.write() as connection:
        connection.execute(sa.update(gateway_process_states).values(state='{"something": "else"}'))
    assert len(one.show().processes) == 1
