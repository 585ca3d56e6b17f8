"""`gateway plan`: the explanation of a request agrees with the configuration and says what it doesn't know."""

from random import Random

import pytest

from kaname.gateway.canaries.book import CanaryBook, Update
from kaname.gateway.canaries.model import Standing
from kaname.gateway.config import GatewayConfig, parse_config
from kaname.gateway.explain.explain import Explainer, Question
from kaname.gateway.explain.text import render
from kaname.gateway.explain.views import PlanExplanation
from kaname.gateway.health import HealthBook
from kaname.gateway.limits.model import Definitions, KeyPolicy, Rates
from kaname.gateway.limits.service import LimitService
from kaname.gateway.ports import NoLocalModels
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.routing.canary import CanaryState
from kaname.kernel.clock import SystemClock
from kaname.kernel.errors import NotFoundError

CONFIG = """
providers:
  openai: {type: openai, keys: [{env: K}]}
  anthropic: {type: anthropic, keys: [{env: K}]}
models:
  support:
    route:
      - {when: metadata.plan == "free", targets: [openai/gpt-4o-mini]}
      - split: {sticky: user_id, arms: {a: 90, b: 10}}
        targets: {a: {use: openai/gpt-4o}, b: {use: anthropic/claude-sonnet-4-5}}
        fallback: [openai/gpt-4o-mini]
  staff: {route: [{when: key == "staff", targets: [openai/gpt-4o]}]}
"""
MESSAGES = [{"role": "user", "content": "Hello there"}]


def config() -> GatewayConfig:
    return parse_config(CONFIG, "gateway.yaml", lambda source, name: "sk-test")


def explainer(limits: LimitService | None = None, health: HealthBook | None = None) -> Explainer:
    clock = SystemClock()
    return Explainer(
        local_models=NoLocalModels(),
        limits=limits or LimitService(clock),
        prices=PriceBook.load(),
        clock=clock,
        health=health,
    )


def explain(document: dict[str, object], **question: object) -> PlanExplanation:
    request = {"model": "support", "messages": MESSAGES, **document}
    return explainer().explain(config(), Question(document=request, **question))  # type: ignore[arg-type]


def test_the_first_condition_that_holds_takes_the_call() -> None:
    plan = explain({"metadata": {"plan": "free"}, "max_tokens": 100})
    assert [(step.index, step.holds) for step in plan.steps] == [(0, True), (1, None)]
    (target,) = plan.targets
    assert (target.name, target.role, target.wire) == ("openai/gpt-4o-mini", "primary", "passed")
    assert target.url == "https://api.openai.com/v1/chat/completions"
    assert plan.tokens.output_tokens == 100
    assert target.estimated_cost_usd is not None
    assert float(target.estimated_cost_usd) > 0


def test_a_sticky_caller_gets_the_arm_that_calls_get() -> None:
    plan = explain({"user": "u-17"})
    assert [(step.index, step.holds) for step in plan.steps] == [(0, False), (1, True)]
    split = plan.split
    assert split is not None
    assert (split.value, split.drawn) == ("u-17", False)
    assert split.propensity == split.shares[split.arm]
    assert [target.role for target in plan.targets] == ["primary", "fallback"]


def test_without_a_sticky_value_the_likeliest_arm_is_shown_as_a_guess() -> None:
    split = explain({}).split
    assert split is not None
    assert (split.arm, split.drawn, split.bucket) == ("a", True, None)


def test_a_translated_target_says_what_is_lost() -> None:
    request = {"model": "anthropic/claude-sonnet-4-5", "messages": MESSAGES, "seed": 7}
    plan = explainer().explain(config(), Question(document=request))
    (target,) = plan.targets
    assert (target.wire, target.upstream_format) == ("translated", "anthropic")
    assert any("seed" in warning for warning in target.warnings)
    assert plan.resolved_by == "provider/model"


def test_a_target_that_cannot_take_the_request_says_why() -> None:
    request = {"model": "anthropic/claude-sonnet-4-5", "messages": MESSAGES, "n": 3}
    (target,) = explainer().explain(config(), Question(document=request)).targets
    assert target.wire == "impossible"
    assert "`n`" in target.problem


def test_no_step_that_holds_is_an_error_that_names_the_conditions() -> None:
    request = {"model": "staff", "messages": MESSAGES}
    with pytest.raises(NotFoundError, match='key == "staff"'):
        explainer().explain(config(), Question(document=request, key_name="guest"))
    assert explainer().explain(config(), Question(document=request, key_name="staff")).chosen_step == 0


def test_limits_are_shown_and_nothing_of_them_is_taken() -> None:
    limits = LimitService(SystemClock())
    policy = KeyPolicy(models=("support",), rates=Rates(rpm=10, tpm=5), max_cost_nano_usd=1)
    limits.use_definitions(Definitions(version=1, policies={"key_1": policy}))
    question = Question(document={"model": "support", "messages": MESSAGES}, key_id="key_1", project_id="prj_1")
    first = explainer(limits).explain(config(), question)
    second = explainer(limits).explain(config(), question)
    assert first.limits == second.limits
    shown = {limit.kind: limit for limit in first.limits}
    assert (shown["requests"].remaining, shown["requests"].would_refuse) == ("10", False)
    assert shown["tokens"].would_refuse
    assert shown["max_cost"].would_refuse
    assert not shown["models"].would_refuse
    assert first.refused.startswith("key: cost")


def test_a_running_gateway_tells_the_state_of_its_breakers() -> None:
    health = HealthBook(Random(1))
    key = health.target("openai/gpt-4o-mini").key("env:K")
    now = SystemClock().monotonic()
    for _ in range(5):
        key.breaker.fail(now, now)
    request = {"model": "openai/gpt-4o-mini", "messages": MESSAGES}
    (target,) = explainer(health=health).explain(config(), Question(document=request)).targets
    assert [(k.name, k.state) for k in target.keys] == [("env:K", "open")]
    assert [name for name, _ in health.routes()] == []


def test_the_text_for_people_names_step_arm_targets_and_cost() -> None:
    text = "\n".join(render(explain({"user": "u-17"})))
    for part in ('metadata.plan == "free" → doesn\'t hold', "bucket", "primary: ", "fallback: openai/gpt-4o-mini", "$"):
        assert part in text


CANARY = """
providers: {up: {base_url: "https://example.com/v1"}}
models:
  bot:
    route:
      - split: {sticky: user_id, arms: {a: 1, b: 1}, canary: {arm: b, steps: [5, 25, 100]}}
        targets: {a: up/a, b: up/b}
"""


def explain_canary(book: CanaryBook | None) -> PlanExplanation:
    clock = SystemClock()
    explained = Explainer(
        local_models=NoLocalModels(), limits=LimitService(clock), prices=PriceBook(None), clock=clock, canaries=book
    )
    config = parse_config(CANARY, "gateway.yaml", lambda source, name: "k")
    return explained.explain(config, Question(document={"model": "bot", "messages": MESSAGES}))


@pytest.mark.parametrize(
    ("state", "phase", "share", "said"),
    [
        (CanaryState(step=1), "running", 0.25, "arm b gets 25%, step 2 of 3"),
        (CanaryState(step=1, phase="rolled_back"), "rolled_back", 0.0, "arm b gets 0%, rolled back at step 2 of 3"),
        (CanaryState(step=2, phase="finished"), "finished", 1.0, "arm b gets 100%, finished"),
        (None, "waiting", 0.0, "arm b gets 0%, no gateway has begun it yet"),
    ],
)
def test_a_canary_is_explained_where_it_stands(state: CanaryState | None, phase: str, share: float, said: str) -> None:
    book = CanaryBook(SystemClock())
    (watched,) = book.collect(parse_config(CANARY, "gateway.yaml", lambda source, name: "k"))
    if state is not None:
        standing = Standing(
            id=watched.canary.id, name=watched.canary.name, state=state, generation=1, stable_generation=1,
            since_ns=0, looked_ns=0, findings=(), rollbacks=0, revision=1,
        )  # fmt: skip
        book.apply([Update(watched.canary, standing, None)], ())
    plan = explain_canary(book)
    assert plan.split is not None
    assert plan.split.canary is not None
    assert (plan.split.canary.phase, plan.split.canary.share) == (phase, share)
    assert plan.split.shares["b"] == pytest.approx(share, abs=0.015)
    assert any(said in line for line in render(plan))


def test_without_a_gateway_a_canary_is_explained_as_it_begins() -> None:
    plan = explain_canary(None)
    assert plan.split is not None
    assert plan.split.canary is not None
    assert (plan.split.canary.phase, plan.split.canary.share) == ("unknown", 0.05)
