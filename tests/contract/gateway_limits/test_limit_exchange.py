"""What processes share through SQL, on both engines: spend, rates, what runs, alerts; and that nothing counts twice."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kaname.gateway.limits.exchange import Exchange
from kaname.gateway.limits.flusher import LimitFlusher
from kaname.gateway.limits.ledger import Changes, Ledger, Totals
from kaname.gateway.limits.model import EACH, Budget, Definitions, Estimate, KeyPolicy, Rates
from kaname.gateway.limits.service import LimitService
from kaname.gateway.limits.tables import gateway_alerts, gateway_key_usage, gateway_processes, gateway_spend
from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import QuotaExceededError, RateLimitedError, UnavailableError
from kaname.storage.sql.database import Database
from limits_site import ALICE, DOLLAR, START, budget, cost


class Process:
    """One gateway process, whose exchanges happen when the test says so."""

    def __init__(
        self, database: Database, clock: ManualClock, budgets: Sequence[Budget] = (), policy: KeyPolicy | None = None
    ) -> None:
        self.limits = LimitService(clock)
        self.exchange = Exchange(database, clock)
        self.ledger = Ledger(self.limits, self.limits.live)
        self.flusher = LimitFlusher(self.ledger, self.exchange)
        self.flusher.load()
        policies = {} if policy is None else {"key_1": policy}
        self.limits.use_definitions(Definitions(version=0, policies=policies, budgets=budgets))

    def spend(self, usd: float, estimate: float = 0.0) -> None:
        reservation = self.limits.reserve(ALICE, cost(estimate))
        self.limits.settle(reservation, tokens=1, cost_nano_usd=round(usd * DOLLAR), outcome="ok")

    def flush(self) -> None:
        self.flusher.flush()

    @property
    def spent(self) -> int:
        state = self.limits.live.find_budget(("bud_key", "key_1"))
        assert state is not None
        return state.settled


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def stored(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.sum(gateway_spend.c.spent_nano_usd))).scalar_one() or 0


def test_processes_see_each_others_spend_after_an_exchange(database: Database, clock: ManualClock) -> None:
    one, two = (Process(database, clock, [budget()]) for _ in range(2))
    one.spend(0.6)
    two.spend(0.2)
    for process in (one, two, one):
        process.flush()
    assert one.spent == two.spent == stored(database) == 800_000_000
    with pytest.raises(QuotaExceededError):
        two.limits.reserve(ALICE, cost(0.3))
    two.limits.reserve(ALICE, cost(0.2))


def test_what_runs_elsewhere_is_held_here_until_it_ends_or_its_process_is_gone(
    database: Database, clock: ManualClock
) -> None:
    policy = KeyPolicy(rates=Rates(max_concurrency=2))
    one, two = (Process(database, clock, [budget()], policy) for _ in range(2))
    running = one.limits.reserve(ALICE, cost(0.9))
    one.flush()
    two.spend(0.01)
    two.flush()
    with pytest.raises(QuotaExceededError):
        two.limits.reserve(ALICE, cost(0.2))
    one.limits.reserve(ALICE, cost(0))
    one.flush()
    two.flush()
    with pytest.raises(RateLimitedError):
        two.limits.reserve(ALICE, cost(0))
    one.limits.settle(running, tokens=1, cost_nano_usd=DOLLAR // 10, outcome="ok")
    one.flush()
    two.flush()
    other = two.limits.reserve(ALICE, cost(0.2))
    two.limits.settle(other, tokens=1, cost_nano_usd=0, outcome="ok")
    clock.advance(11)  # `one` was killed with a call running
    two.flush()
    for _ in range(2):
        two.limits.reserve(ALICE, cost(0))


def test_a_running_process_keeps_showing_itself(database: Database, clock: ManualClock) -> None:
    policy = KeyPolicy(rates=Rates(max_concurrency=1))
    one, two = (Process(database, clock, [], policy) for _ in range(2))
    one.limits.reserve(ALICE, cost(0))
    for _ in range(10):
        one.flush()
        clock.advance(3)
    two.flush()
    with pytest.raises(RateLimitedError):
        two.limits.reserve(ALICE, cost(0))


def test_processes_share_a_rate(database: Database, clock: ManualClock) -> None:
    policy = KeyPolicy(rates=Rates(rpm=10, tpm=1000))
    one, two = (Process(database, clock, [], policy) for _ in range(2))
    for _ in range(6):
        one.limits.settle(one.limits.reserve(ALICE, Estimate(100, 0, 0)), tokens=50, cost_nano_usd=0, outcome="ok")
    one.flush()
    two.flush()
    headers = dict(two.limits.headers(two.limits.reserve(ALICE, Estimate(100, 0, 0))))
    assert headers[b"x-ratelimit-remaining-requests"] == b"3"
    assert headers[b"x-ratelimit-remaining-tokens"] == b"600"
    two.flush()
    one.flush()
    assert (
        dict(one.limits.headers(one.limits.reserve(ALICE, Estimate(0, 0, 0))))[b"x-ratelimit-remaining-requests"]
        == b"2"
    )
    clock.advance(30)
    fresh = Process(database, clock, [], policy)
    assert (
        dict(fresh.limits.headers(fresh.limits.reserve(ALICE, Estimate(0, 0, 0))))[b"x-ratelimit-remaining-requests"]
        == b"7"
    )


def test_a_process_takes_its_share_between_exchanges_while_others_are_at_work(
    database: Database, clock: ManualClock
) -> None:
    policy = KeyPolicy(rates=Rates(rpm=300))
    one, two = (Process(database, clock, [], policy) for _ in range(2))

    def take(process: Process) -> int:
        taken = 0
        while True:
            try:
                process.spend(0)
            except RateLimitedError as e:
                assert e.retry_after_s is not None
                assert e.retry_after_s >= 0.2
                return taken
            taken += 1

    one.flush()  # hears of the other
    assert (take(one), take(two)) == (150, 150)
    for process in (one, two, one):
        process.flush()
    assert (take(one), take(two)) == (0, 0)
    clock.advance(20)  # 100 are free again, and the other was last seen long ago
    one.flush()
    assert take(one) == 100
    small = KeyPolicy(rates=Rates(rpm=40))
    three = Process(database, clock, [], small)
    assert take(three) == 13  # all that is free after 20 of 60 seconds: less than a batch isn't shared out


def test_a_new_process_knows_what_is_spent_before_its_first_call(database: Database, clock: ManualClock) -> None:
    budgets = [budget(), budget("user", EACH)]
    one = Process(database, clock, budgets)
    one.spend(1)
    one.flush()
    two = Process(database, clock, budgets)
    with pytest.raises(QuotaExceededError, match="key"):
        two.limits.reserve(ALICE, cost(0.1))
    with pytest.raises(QuotaExceededError, match="user"):
        two.limits.reserve(ALICE._replace(key_id="key_2"), cost(0.1))
    two.limits.reserve(ALICE._replace(key_id="key_2", user_id="bob"), cost(0.1))
    clock.advance(timedelta(days=40).total_seconds())
    Process(database, clock, budgets).spend(0.5, estimate=1)


class Unsure(Exchange):
    """Stores, but its caller never hears of it: the connection breaks after the commit."""

    def swap(self, changes: Changes) -> Totals:
        super().swap(changes)
        raise UnavailableError("gone")


def test_a_flush_whose_commit_was_not_confirmed_is_not_added_twice(database: Database, clock: ManualClock) -> None:
    process = Process(database, clock, [budget()])
    unsure = Unsure(database, clock)
    unsure.process_id = process.exchange.process_id
    process.spend(0.25)
    changes = process.ledger.collect()
    with pytest.raises(UnavailableError):
        unsure.swap(changes)
    process.spend(0.25)  # calls go on meanwhile
    assert process.spent == DOLLAR // 2
    process.ledger.apply(process.exchange.swap(changes))
    assert process.spent == DOLLAR // 2
    process.flush()
    assert process.spent == stored(database) == DOLLAR // 2


def test_alerts_come_once_a_window_for_each_share(database: Database, clock: ManualClock) -> None:
    process = Process(database, clock, [budget()])

    def alerts() -> list[int]:
        with database.read() as connection:
            rows = connection.execute(sa.select(gateway_alerts.c.threshold).order_by(gateway_alerts.c.created_at))
            return sorted(rows.scalars())

    expected = {0.4: [], 0.5: [50], 0.7: [50], 0.95: [50, 80], 1.2: [50, 80, 100], 1.5: [50, 80, 100]}
    spent = 0.0
    for total, found in expected.items():
        process.spend(total - spent)
        process.flush()
        spent = total
        assert alerts() == found, total
    clock.advance(timedelta(days=31).total_seconds())
    process.spend(0.6)
    process.flush()
    assert alerts() == [50, 50, 80, 100]


def test_usage_is_added_up_by_key_and_day(database: Database, clock: ManualClock) -> None:
    for process in (Process(database, clock, policy=KeyPolicy(rates=Rates(rpm=2))) for _ in range(2)):
        process.spend(0.1)
        process.flush()
    one = Process(database, clock, policy=KeyPolicy(rates=Rates(rpm=2)))
    with pytest.raises(RateLimitedError):
        one.spend(0.1)
    one.flush()
    with database.read() as connection:
        (row,) = connection.execute(sa.select(gateway_key_usage)).all()
    assert (row.key_id, row.day, row.requests, row.refused, row.tokens, row.cost_nano_usd) == (
        "key_1", "2026-03-10", 2, 1, 2, 200_000_000,
    )  # fmt: skip


def test_odd_text_from_clients_does_not_stop_the_exchange(database: Database, clock: ManualClock) -> None:
    process = Process(database, clock, [budget("user", EACH)])
    for user in ("a\x00b", "x" * 5000, "日本語" * 200, "';--"):
        reservation = process.limits.reserve(ALICE._replace(user_id=user), cost(0.1))
        process.limits.settle(reservation, tokens=1, cost_nano_usd=1, outcome="ok")
    process.flush()
    assert stored(database) == 4


def test_a_process_that_ends_in_order_leaves_nothing_behind(database: Database, clock: ManualClock) -> None:
    process = Process(database, clock, [budget()])
    process.spend(0.1)
    process.limits.reserve(ALICE, cost(0.1))
    process.flusher.stop()
    assert stored(database) == DOLLAR // 10
    with database.read() as connection:
        assert connection.execute(sa.select(gateway_processes)).all() == []
