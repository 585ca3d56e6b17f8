import subprocess
import sys
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.gateway.routing.split import BUCKETS, Arms
from kaname.kernel.errors import ConfigurationError

_WEIGHTS = st.dictionaries(
    st.sampled_from("abcde"), st.floats(0.01, 100) | st.integers(1, 1000), min_size=2, max_size=5
)


@settings(max_examples=30, deadline=None)
@given(_WEIGHTS, st.text(max_size=8), st.floats(1.01, 50), st.data())
def test_raising_an_arm_only_adds_buckets_so_nobody_flips_back(
    weights: dict[str, float], salt: str, factor: float, data: st.DataObject
) -> None:
    raised = data.draw(st.sampled_from(sorted(weights)))
    before = Arms(weights, salt).owners()
    after = Arms({**weights, raised: weights[raised] * factor}, salt).owners()
    for old, new in zip(before, after, strict=True):
        assert new in (old, raised)


@settings(max_examples=15, deadline=None)
@given(_WEIGHTS, st.text(max_size=8))
def test_lowering_or_removing_an_arm_moves_only_its_own(weights: dict[str, float], salt: str) -> None:
    gone = min(weights)
    before = Arms(weights, salt).owners()
    after = Arms({**weights, gone: 0.0}, salt).owners()
    assert all(old in (new, gone) for old, new in zip(before, after, strict=True))
    assert gone not in after


def test_a_canary_s_steps_only_ever_add_users() -> None:
    users = [f"user-{number}" for number in range(3000)]
    had: set[str] = set()
    for share in (1, 5, 25, 50, 100):
        arms = Arms({"stable": 100 - share, "canary": share}, "exp-12")
        has = {user for user in users if arms.choose(user, Random(0)).arm == "canary"}
        assert had <= has
        assert abs(len(has) / len(users) - share / 100) < 0.03
        had = has
    assert had == set(users)


@settings(max_examples=20, deadline=None)
@given(_WEIGHTS, st.text(max_size=8))
def test_shares_follow_the_weights_and_propensities_are_the_true_shares(weights: dict[str, float], salt: str) -> None:
    arms = Arms(weights, salt)
    counts = Counter(arms.owners())
    assert sum(counts.values()) == BUCKETS
    for arm, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(counts[arm] / BUCKETS - share) <= 5 * (share * (1 - share) / BUCKETS) ** 0.5 + 1e-4
    choice = arms.choose("someone", Random(1))
    assert choice.propensity == counts[choice.arm] / BUCKETS


def test_without_a_sticky_value_each_call_is_drawn_anew_at_the_same_shares() -> None:
    arms, rng = Arms({"a": 3, "b": 1}, "s"), Random(9)
    counts = Counter(arms.choose(None, rng) for _ in range(20_000))
    for choice, count in counts.items():
        assert abs(count / 20_000 - choice.propensity) < 0.015
    assert len({arms.choose("", rng).arm for _ in range(100)}) == 2


def test_buckets_are_even_and_differ_between_experiments() -> None:
    first, second = Arms({"a": 1, "b": 1}, "exp-1"), Arms({"a": 1, "b": 1}, "exp-2")
    users = [f"user-{number}" for number in range(20_000)]
    tenths = Counter(first.bucket(user) // 1000 for user in users)
    assert max(tenths.values()) - min(tenths.values()) < 400
    both = sum(first.choose(user, Random(0)).arm == second.choose(user, Random(0)).arm for user in users)
    assert abs(both / 20_000 - 0.5) < 0.03


def test_every_process_and_every_release_gives_the_same_arm() -> None:
    code = (
        "from random import Random; from kaname.gateway.routing.split import Arms;"
        "a = Arms({'b': 10, 'a': 90}, 'exp-12'); print([a.bucket(f'user-{n}') for n in range(3)],"
        "''.join(a.choose(f'user-{n}', Random()).arm for n in range(60)))"
    )
    here = Arms({"a": 90, "b": 10}, "exp-12")
    expected = [here.bucket(f"user-{n}") for n in range(3)]
    chosen = "".join(here.choose(f"user-{n}", Random(0)).arm for n in range(60))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == f"{expected} {chosen}"
    assert expected == [3975, 6958, 5987]


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": -1, "b": 2}, {"a": float("nan")}, {"a": float("inf")}])
def test_weights_that_give_no_split_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        Arms(weights, "s")


def test_any_sticky_value_has_a_bucket() -> None:
    arms = Arms({"a": 1}, "s")
    for value in ("\ud800", "x" * 10_000, "日本", "\0"):
        assert 0 <= arms.bucket(value) < BUCKETS
