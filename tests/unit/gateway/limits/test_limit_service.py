"""Reserve and settle in one process: nothing overshoots, what fails is given back, shadow mode refuses nothing."""

import asyncio
import random

import pytest

from kaname.gateway.limits.model import ALL, EACH, Estimate, KeyDefaults, KeyPolicy, Rates
from kaname.gateway.limits.service import LimitService
from kaname.gateway.limits.windows import WindowRule
from kaname.gateway.openai_errors import to_wire
from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import PermissionDeniedError, QuotaExceededError, RateLimitedError
from limits_site import ALICE, DOLLAR, START, budget, cost, rule, service


def spent(limits: LimitService, budget_id: str = "bud_key", subject: str = "key_1") -> int:
    state = limits.live.find_budget((budget_id, subject))
    assert state is not None
    return state.settled


def test_two_hundred_parallel_calls_never_exceed_the_budget() -> None:
    """Each may cost 2 cents by `max_tokens` and costs a random part of it; a dollar admits what fits, whatever runs."""
    limits = service(budgets=[budget()])
    chance = random.Random(5)
    peak = admitted = 0

    async def call() -> None:
        nonlocal peak, admitted
        try:
            reservation = limits.reserve(ALICE, cost(0.02))
        except QuotaExceededError:
            return
        admitted += 1
        state = limits.live.find_budget(("bud_key", "key_1"))
        assert state is not None
        peak = max(peak, state.used)
        await asyncio.sleep(chance.random() / 100)
        limits.settle(reservation, tokens=5, cost_nano_usd=round(chance.random() * 0.02 * DOLLAR), outcome="ok")

    async def call_all() -> None:
        await asyncio.gather(*(call() for _ in range(200)))

    asyncio.run(call_all())
    assert peak <= DOLLAR
    assert admitted >= 50
    assert spent(limits) <= DOLLAR
    while True:  # what is left can still be used, one after the other
        try:
            limits.settle(limits.reserve(ALICE, cost(0.02)), tokens=5, cost_nano_usd=20_000_000, outcome="ok")
        except QuotaExceededError:
            break
    assert DOLLAR - 20_000_000 < spent(limits) <= DOLLAR


def test_an_exhausted_budget_answers_402_that_no_sdk_repeats() -> None:
    limits = service(budgets=[budget()])
    limits.settle(limits.reserve(ALICE, cost(0.5)), tokens=10, cost_nano_usd=DOLLAR, outcome="ok")
    with pytest.raises(QuotaExceededError) as refused:
        limits.reserve(ALICE, cost(0.01))
    wire = to_wire(refused.value)
    assert (wire.status, wire.type, wire.code) == (402, "insufficient_quota", "insufficient_quota")
    assert (b"x-should-retry", b"false") in wire.headers
    assert (b"x-kaname-limited-by", b"budget:bud_key") in wire.headers


def test_a_refusal_says_what_is_left_of_what_refused() -> None:
    policy = KeyPolicy(rates=Rates(rpm=2, tpm=1000, max_concurrency=2))
    limits = service(policy=policy)
    limits.settle(limits.reserve(ALICE, cost(0, tokens=100)), tokens=100, cost_nano_usd=0, outcome="ok")
    with pytest.raises(RateLimitedError) as tokens:
        limits.reserve(ALICE, cost(0, tokens=950))
    assert [header for header in to_wire(tokens.value).headers if b"ratelimit" in header[0]] == [
        (b"x-ratelimit-limit-requests", b"2"), (b"x-ratelimit-remaining-requests", b"1"),
        (b"x-ratelimit-reset-requests", b"30000ms"), (b"x-ratelimit-limit-tokens", b"1000"),
        (b"x-ratelimit-remaining-tokens", b"900"), (b"x-ratelimit-reset-tokens", b"6000ms"),
    ]  # fmt: skip
    limits.reserve(ALICE, cost(0))
    with pytest.raises(RateLimitedError) as requests:
        limits.reserve(ALICE, cost(0))
    assert dict(to_wire(requests.value).headers)[b"x-ratelimit-remaining-requests"] == b"0"
    limits = service(policy=KeyPolicy(rates=Rates(max_concurrency=1)))
    limits.reserve(ALICE, cost(0))
    with pytest.raises(RateLimitedError) as busy:
        limits.reserve(ALICE, cost(0))
    headers = dict(to_wire(busy.value).headers)
    assert (headers[b"x-ratelimit-limit-concurrency"], headers[b"x-ratelimit-remaining-concurrency"]) == (b"1", b"0")
    assert b"x-ratelimit-reset-concurrency" not in headers


def test_a_budget_s_refusal_says_what_is_left_of_it() -> None:
    limits = service(policy=KeyPolicy(rates=Rates(rpm=5)), budgets=[budget()])
    limits.settle(limits.reserve(ALICE, cost(0.5)), tokens=10, cost_nano_usd=DOLLAR // 4 * 3, outcome="ok")
    with pytest.raises(QuotaExceededError) as refused:
        limits.reserve(ALICE, cost(0.5))
    headers = dict(to_wire(refused.value).headers)
    assert (headers[b"x-ratelimit-limit-budget"], headers[b"x-ratelimit-remaining-budget"]) == (b"1", b"0.25")
    assert int(headers[b"x-ratelimit-reset-budget"].removesuffix(b"ms")) > 0
    assert headers[b"x-ratelimit-remaining-requests"] == b"4"
    assert b"retry-after" not in headers


def test_a_failed_call_gives_everything_back_but_its_request() -> None:
    policy = KeyPolicy(rates=Rates(rpm=10, tpm=1000, max_concurrency=1))
    limits = service(policy=policy, budgets=[budget()])
    for outcome in ("error", "cancelled"):
        reservation = limits.reserve(ALICE, cost(1, tokens=1000))
        limits.settle(reservation, tokens=None, cost_nano_usd=None, outcome=outcome)
        limits.settle(reservation, tokens=500, cost_nano_usd=5, outcome="ok")  # settled: nothing happens
    assert spent(limits) == 0
    headers = dict(limits.headers(limits.reserve(ALICE, cost(1, tokens=1000))))
    assert headers[b"x-ratelimit-remaining-requests"] == b"7"
    assert headers[b"x-ratelimit-remaining-tokens"] == b"0"


def test_a_cut_stream_is_charged_what_was_sent_and_an_unknown_one_its_estimate() -> None:
    limits = service(budgets=[budget()])
    limits.settle(limits.reserve(ALICE, cost(0.4)), tokens=3, cost_nano_usd=7, outcome="cancelled")
    limits.settle(limits.reserve(ALICE, cost(0.4)), tokens=None, cost_nano_usd=None, outcome="incomplete")
    assert spent(limits) == 7 + 0.4 * DOLLAR


def test_all_limits_or_none_are_taken() -> None:
    policy = KeyPolicy(rates=Rates(rpm=5))
    limits = service(policy=policy, budgets=[budget(), budget("project", "prj_1", amount_nano_usd=DOLLAR // 2)])
    for _ in range(20):
        with pytest.raises(QuotaExceededError, match="project"):
            limits.reserve(ALICE, cost(0.6))
    for _ in range(5):
        limits.settle(limits.reserve(ALICE, cost(0.1)), tokens=1, cost_nano_usd=1, outcome="ok")
    assert spent(limits) == spent(limits, "bud_project", "prj_1") == 5
    with pytest.raises(RateLimitedError):
        limits.reserve(ALICE, cost(0.1))


@pytest.mark.parametrize(("rates", "kind"), [(Rates(rpm=2), "requests"), (Rates(tpm=20), "tokens")])
def test_a_rate_refills_continuously(rates: Rates, kind: str) -> None:
    clock = ManualClock(START)
    limits = service(policy=KeyPolicy(rates=rates), clock=clock)
    for _ in range(2):
        limits.settle(limits.reserve(ALICE, cost(0)), tokens=10, cost_nano_usd=0, outcome="ok")
    with pytest.raises(RateLimitedError) as refused:
        limits.reserve(ALICE, cost(0))
    assert (refused.value.code, refused.value.param) == ("rate_limit_exceeded", kind)
    assert refused.value.retry_after_s == pytest.approx(30)
    clock.advance(30.001)
    limits.reserve(ALICE, cost(0))


def test_a_clock_that_is_set_back_neither_closes_nor_opens_anything() -> None:
    clock = ManualClock(START)
    limits = service(policy=KeyPolicy(rates=Rates(rpm=60)), budgets=[budget()], clock=clock)
    running = limits.reserve(ALICE, cost(0.5))
    clock.advance(30 * 86_400)
    following = limits.reserve(ALICE, cost(0.9))
    clock.at = START
    limits.settle(running, tokens=1, cost_nano_usd=100, outcome="ok")
    assert spent(limits) == 0  # the first call belongs to March
    limits.settle(following, tokens=1, cost_nano_usd=200, outcome="ok")
    assert spent(limits) == 200
    limits.settle(limits.reserve(ALICE, cost(0.5)), tokens=1, cost_nano_usd=300, outcome="ok")
    state = limits.live.find_budget(("bud_key", "key_1"))
    assert state is not None
    assert (state.settled, state.late, state.held, state.used) == (500, 100, 0, 500)


def test_a_call_larger_than_a_minute_isnt_worth_a_repeat() -> None:
    limits = service(policy=KeyPolicy(rates=Rates(tpm=100)))
    with pytest.raises(RateLimitedError) as refused:
        limits.reserve(ALICE, cost(0, tokens=101))
    assert refused.value.retry_after_s is None
    assert (b"x-should-retry", b"false") in to_wire(refused.value).headers


def test_concurrency_counts_running_calls() -> None:
    limits = service(policy=KeyPolicy(rates=Rates(max_concurrency=2)))
    first, _second = limits.reserve(ALICE, cost(0)), limits.reserve(ALICE, cost(0))
    with pytest.raises(RateLimitedError) as refused:
        limits.reserve(ALICE, cost(0))
    assert refused.value.param == "concurrency"
    limits.settle(first, tokens=1, cost_nano_usd=0, outcome="ok")
    limits.reserve(ALICE, cost(0))


def test_limits_that_change_keep_what_runs() -> None:
    limits = service(policy=KeyPolicy(rates=Rates(max_concurrency=5)), budgets=[budget()])
    running = [limits.reserve(ALICE, cost(0.1)) for _ in range(3)]
    definitions = limits.definitions
    changed = type(definitions)(
        version=2,
        policies={"key_1": KeyPolicy(rates=Rates(max_concurrency=3, rpm=100))},
        budgets=[budget(amount_nano_usd=DOLLAR // 2)],
    )
    limits.use_definitions(changed)
    with pytest.raises(RateLimitedError):
        limits.reserve(ALICE, cost(0.1))
    limits.settle(running[0], tokens=1, cost_nano_usd=DOLLAR // 10, outcome="ok")
    with pytest.raises(QuotaExceededError):
        limits.reserve(ALICE, cost(0.25))
    limits.reserve(ALICE, cost(0.2))


def test_models_and_providers_are_allow_lists() -> None:
    limits = service(policy=KeyPolicy(models=("gpt-*", "local/m"), providers=("openai", "azure/gpt-5")))
    reservation = limits.reserve(ALICE, cost(0))
    assert limits.allows_target(reservation, "openai", "anything")
    assert limits.allows_target(reservation, "azure", "gpt-5")
    assert not limits.allows_target(reservation, "azure", "gpt-4")
    with pytest.raises(PermissionDeniedError) as refused:
        limits.reserve(ALICE._replace(model="claude"), cost(0))
    assert refused.value.code == "model_not_allowed"
    assert limits.allows_model(ALICE, "local/m")
    nothing = service(policy=KeyPolicy(models=()))
    with pytest.raises(PermissionDeniedError):
        nothing.reserve(ALICE, cost(0))


def test_shadow_mode_refuses_nothing_and_says_what_it_would_have() -> None:
    policy = KeyPolicy(models=("claude",), rates=Rates(rpm=1), max_cost_nano_usd=1, shadow=True, providers=())
    limits = service(policy=policy, budgets=[budget(amount_nano_usd=100)])
    limits.settle(limits.reserve(ALICE, cost(0)), tokens=1, cost_nano_usd=200, outcome="ok")
    reservation = limits.reserve(ALICE, cost(1))
    assert list(reservation.limited_by) == ["model", "max_cost_per_request", "key:requests", "budget:bud_key"]
    assert limits.allows_target(reservation, "openai", "gpt-5")
    limits.settle(reservation, tokens=1, cost_nano_usd=300, outcome="ok")
    assert spent(limits) == 500  # spend is real
    usage = limits.live.usages["key_1"]
    assert (usage.requests, usage.refused, usage.shadowed) == (2, 0, 5)


def test_a_budget_can_warn_or_send_to_a_cheaper_model() -> None:
    for on_exceed, downgrade in (("warn", ""), ("downgrade", "local/small")):
        limits = service(budgets=[budget(amount_nano_usd=0, on_exceed=on_exceed, downgrade_to=downgrade)])
        reservation = limits.reserve(ALICE, cost(1))
        assert (reservation.downgrade_to, list(reservation.limited_by)) == (downgrade, ["budget:bud_key"])


def test_a_provider_over_its_budget_is_left_out() -> None:
    limits = service(budgets=[budget("provider", "openai", key_id="key_1")])
    first = limits.reserve(ALICE, cost(0.7))
    second = limits.reserve(ALICE, cost(0.7))
    assert limits.allows_target(first, "openai", "m")
    limits.begin_target(first, "openai")
    assert limits.allows_target(first, "openai", "m")  # it holds its share already
    assert not limits.allows_target(second, "openai", "m")
    assert limits.allows_target(second, "local", "m")
    limits.begin_target(first, "local")  # fell back: what it held is free again
    assert limits.allows_target(second, "openai", "m")
    limits.begin_target(second, "openai")
    limits.settle(first, tokens=1, cost_nano_usd=5, outcome="ok")
    limits.settle(second, tokens=1, cost_nano_usd=7, outcome="ok")
    assert spent(limits, "bud_provider", "openai") == 7
    assert limits.allows_target(limits.reserve(ALICE._replace(key_id="key_2"), cost(9)), "openai", "m")


def test_each_user_has_a_budget_of_their_own() -> None:
    limits = service(budgets=[budget("user", EACH)])
    limits.settle(limits.reserve(ALICE, cost(1)), tokens=1, cost_nano_usd=DOLLAR, outcome="ok")
    with pytest.raises(QuotaExceededError):
        limits.reserve(ALICE, cost(0.1))
    limits.reserve(ALICE._replace(user_id="bob"), cost(1))
    limits.reserve(ALICE._replace(user_id=""), cost(5))  # nobody's


def test_rules_by_metadata_share_or_split_and_the_highest_priority_counts() -> None:
    by_plan = rule(id="plan", metadata={"plan": "free"}, rates=Rates(rpm=1), priority=2)
    everyone = rule(id="all", rates=Rates(rpm=5), priority=1)
    each = rule(id="each", metadata={"tenant": EACH}, rates=Rates(rpm=2), always=True)
    together = rule(id="together", metadata={"tenant": ALL}, rates=Rates(rpm=3), always=True)
    limits = service(rules=[everyone, by_plan, each, together])

    def call(**metadata: str) -> str:
        try:
            limits.settle(limits.reserve(ALICE._replace(metadata=metadata), cost(0)), tokens=0, cost_nano_usd=0,
                          outcome="ok")  # fmt: skip
        except RateLimitedError as e:
            return str(e.params["limited_by"])
        return ""

    assert [call(plan="free") for _ in range(2)] == ["", "rule:plan:requests"]
    assert [call(tenant="a") for _ in range(3)] == ["", "", "rule:each:requests"]
    assert [call(tenant="b") for _ in range(2)] == ["", "rule:together:requests"]
    assert [call(plan="free")] == ["rule:plan:requests"]  # the lower rule doesn't count
    assert [call() for _ in range(3)] == ["", "", "rule:all:requests"]  # three calls of tenants counted as well


def test_values_from_clients_open_a_bounded_number_of_states() -> None:
    limits = LimitService(clock := ManualClock(START))
    limits.live._max_subjects = 100
    each = rule(user=EACH, rates=Rates(rpm=10, max_concurrency=1))
    limits.use_definitions(type(limits.definitions)(budgets=[budget("user", EACH)], rules=[each]))
    for n in range(500):
        reservation = limits.reserve(ALICE._replace(user_id=f"u{n}"), cost(0.1))
        limits.settle(reservation, tokens=1, cost_nano_usd=0, outcome="error")
        clock.advance(0.001)
    assert len(limits.live.rule_meters) == 100


def test_defaults_hold_for_keys_without_a_policy() -> None:
    defaults = KeyDefaults(
        policy=KeyPolicy(rates=Rates(rpm=1)), budget_nano_usd=DOLLAR, budget_window=WindowRule(unit="M", calendar=True)
    )
    limits = LimitService(ManualClock(START), defaults)
    limits.settle(limits.reserve(ALICE, cost(0.1)), tokens=1, cost_nano_usd=1, outcome="ok")
    with pytest.raises(RateLimitedError):
        limits.reserve(ALICE, cost(0.1))
    with pytest.raises(QuotaExceededError):
        limits.reserve(ALICE._replace(key_id="key_2"), cost(1.1))
    limits.use_defaults(KeyDefaults())
    limits.reserve(ALICE, cost(5))


def test_unpriced_models_and_dear_calls_can_be_refused() -> None:
    limits = service(policy=KeyPolicy(allow_unpriced=False, max_cost_nano_usd=DOLLAR))
    with pytest.raises(PermissionDeniedError) as refused:
        limits.reserve(ALICE, Estimate(1, 1, None))
    assert refused.value.code == "model_unpriced"
    with pytest.raises(QuotaExceededError) as dear:
        limits.reserve(ALICE, cost(1.5))
    assert (b"x-should-retry", b"false") in to_wire(dear.value).headers


def test_a_used_up_budget_refuses_unpriced_calls_but_not_free_ones() -> None:
    limits = service(budgets=[budget(amount_nano_usd=10)])
    limits.settle(limits.reserve(ALICE, Estimate(1, 1, None)), tokens=1, cost_nano_usd=10, outcome="ok")
    with pytest.raises(QuotaExceededError):
        limits.reserve(ALICE, Estimate(1, 1, None))
    limits.reserve(ALICE, Estimate(1, 1, 0))


def test_keys_can_be_bound_to_networks() -> None:
    limits = service(policy=KeyPolicy(cidrs=("10.0.0.0/8", "2001:db8::/32")))
    for allowed in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"):
        limits.check_address(ALICE, allowed)
    for refused in ("192.168.1.1", "2001:db9::1", "", "x"):
        with pytest.raises(PermissionDeniedError):
            limits.check_address(ALICE, refused)


def test_headers_of_both_dialects() -> None:
    limits = service(policy=KeyPolicy(rates=Rates(rpm=60, tpm=1000)))
    reservation = limits.reserve(ALICE, cost(0, tokens=400))
    assert dict(limits.headers(reservation)) == {
        b"x-ratelimit-limit-requests": b"60", b"x-ratelimit-remaining-requests": b"59",
        b"x-ratelimit-reset-requests": b"1000ms", b"x-ratelimit-limit-tokens": b"1000",
        b"x-ratelimit-remaining-tokens": b"600", b"x-ratelimit-reset-tokens": b"24000ms",
    }  # fmt: skip
    anthropic = dict(limits.headers(reservation, anthropic=True))
    assert anthropic[b"anthropic-ratelimit-tokens-remaining"] == b"600"
    assert anthropic[b"anthropic-ratelimit-tokens-reset"] == b"2026-03-10T09:00:24Z"
