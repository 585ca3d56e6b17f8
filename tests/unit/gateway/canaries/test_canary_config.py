"""`canary` in `gateway.yaml`: what it says, and that a wrong one is refused with its line."""

import pytest

from canary_rig import canary_config
from kaname.gateway.canaries.model import canaries_of
from kaname.gateway.config import GatewayConfig, parse_config
from kaname.gateway.routing.canary import STEPS, CanaryState, Guard
from kaname.kernel.errors import ConfigurationError

FILE = """\
providers: {{up: {{base_url: "https://example.com/v1"}}}}
models:
  bot:
    route:
      - split:
          arms: {{a: 3, b: 1, c: 1}}
          canary:
            {canary}
          {more}
        targets: {{a: up/a, b: up/b, c: up/c}}
  other:
    route: [{{split: {{arms: {{a: 1, b: 1}}, experiment: {other}}}, targets: {{a: up/a, b: up/b}}}}]
"""


def parse(canary: str, more: str = "sticky: user_id", other: str = "other") -> GatewayConfig:
    text = FILE.format(canary=canary, more=more, other=other)
    return parse_config(text, "gateway.yaml", lambda source, name: "k")


def test_a_canary_reads_what_it_says_and_defaults_the_rest() -> None:
    (canary,) = canaries_of(parse("{arm: b}"))
    assert (canary.name, canary.route, canary.step_index, canary.plan.arm) == ("bot/0", "bot", 0, "b")
    assert canary.plan.settings.steps == STEPS
    assert [guard.metric for guard in canary.plan.settings.guards] == ["error_rate", "p95_latency"]
    assert canary.plan.interval_s == 60
    (canary,) = canaries_of(
        parse(
            "{arm: c, steps: [2, 100], interval: 5m, level: 0.99,"
            " guards: [{metric: score, name: thumbs_up, tolerance: 0.1, min_n: 200}, {metric: cost}]}"
        )
    )
    assert canary.plan.settings.guards == (
        Guard(metric="score", name="thumbs_up", tolerance=0.1, min_n=200),
        Guard(metric="cost", tolerance=0.1),
    )
    assert (canary.plan.settings.steps, canary.plan.settings.level, canary.plan.interval_s) == ((2, 100), 0.99, 300)


def test_the_others_divide_by_their_weights_what_the_canary_leaves() -> None:
    (canary,) = canaries_of(parse("{arm: b, steps: [20, 100]}"))
    assert canary.weights_at(CanaryState()) == pytest.approx({"a": 0.6, "b": 0.2, "c": 0.2})
    assert canary.weights_at(CanaryState(phase="finished")) == {"a": 0.0, "b": 1.0, "c": 0.0}
    assert canary.weights(None) == {"a": 0.75, "b": 0.0, "c": 0.25}


@pytest.mark.parametrize(
    ("canary", "line", "problem"),
    [
        ("{steps: [1, 100]}", 7, "`arm` is missing"),
        ("{arm: d}", 8, "'d' isn't known here"),
        ("{arm: b, steps: [5, 1, 100]}", 8, "rising percentages that end with 100"),
        ("{arm: b, steps: [1, 50]}", 8, "rising percentages that end with 100"),
        ("{arm: b, steps: [100]}", 8, "two or more"),
        ("{arm: b, steps: [0, 100]}", 8, "expected a whole number from 1 to 100"),
        ("{arm: b, guards: []}", 8, "at least one guard"),
        ("{arm: b, guards: [{metric: speed}]}", 8, "'speed' isn't known here"),
        ("{arm: b, guards: [{tolerance: 1}]}", 8, "`metric` is missing"),
        ("{arm: b, guards: [{metric: score}]}", 8, "needs `name`"),
        ("{arm: b, guards: [{metric: cost, name: x}]}", 8, "only a guard of `score` has a name"),
        ("{arm: b, guards: [{metric: cost}, {metric: cost}]}", 8, "a guard of 'cost' already"),
        ("{arm: b, guards: [{metric: cost, min_n: 5}]}", 8, "from 20 to"),
        ("{arm: b, guards: [{metric: cost, tolerance: -1}]}", 8, "expected a number from 0"),
        ("{arm: b, interval: fast}", 8, "isn't a duration"),
        ("{arm: b, weight: 5}", 8, "unknown key 'weight'"),
    ],
)
def test_a_wrong_canary_is_refused_where_it_stands(canary: str, line: int, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as refused:
        parse(canary)
    assert refused.value.params["line"] == line


def test_a_split_either_learns_or_is_a_canary() -> None:
    with pytest.raises(ConfigurationError, match="either a canary or learns"):
        parse("{arm: b}", more="bandit: thompson\n          metric: thumbs_up")


def test_no_other_split_may_have_a_canarys_name() -> None:
    with pytest.raises(ConfigurationError, match="one of them is a canary") as refused:
        parse("{arm: b}", other="bot/0")
    assert refused.value.params["path"] == "models.other"


def test_its_identity_is_what_is_compared() -> None:
    def identity(config: GatewayConfig) -> str:
        return next(canaries_of(config)).id

    same = identity(canary_config("{arm: b, steps: [1, 100]}"))
    assert identity(canary_config("{arm: b, steps: [1, 100], guards: [{metric: cost}], interval: 1h}")) == same
    assert identity(canary_config("{arm: b, steps: [2, 100]}")) != same
    assert identity(canary_config("{arm: a, steps: [1, 100]}")) != same
    assert identity(canary_config("{arm: b, steps: [1, 100]}", b="up/other")) != same
