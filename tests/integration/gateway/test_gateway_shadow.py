"""Mirrored calls are recorded and change nothing for the caller; learning splits follow the scores."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.gateway.conftest import Gateway, running_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from kaname.gateway.bandits import BanditBook
from kaname.gateway.config import Split
from kaname.gateway.routing.bandit import Rewards
from kaname.gateway.routing.split import Arms

CONFIG = """
providers:
  main: {{base_url: "http://127.0.0.1:{port}/ok/v1", allow_private: true}}
  other: {{base_url: "http://127.0.0.1:{port}/ok/v1", allow_private: true}}
  broken: {{base_url: "http://127.0.0.1:{port}/500/v1", allow_private: true}}
models:
  mirrored: {{route: [{{targets: [main/a], mirror: {{use: other/b}}}}]}}
  mirrored-badly: {{route: [{{targets: [main/a], mirror: {{use: broken/b}}}}]}}
  never: {{route: [{{targets: [main/a], mirror: {{use: other/b, sample: 0}}}}]}}
  split:
    route:
      - split: {{arms: {{a: 1, b: 1}}, sticky: user_id, experiment: exp-1}}
        targets: {{a: main/a, b: other/b}}
"""
MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def shadowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("shadow")
    with (
        FaultUpstream(BEHAVIOURS) as upstream,
        running_gateway(folder, upstream, CONFIG.format(port=upstream.port)) as running,
    ):
        yield running


@pytest.mark.parametrize("stream", [False, True])
def test_a_copy_goes_to_the_mirror_and_is_recorded(shadowing: Gateway, stream: bool) -> None:
    raw = shadowing.client().chat.completions.with_raw_response.create(
        model="mirrored", messages=MESSAGES, stream=stream, user="u"
    )
    if stream:
        list(raw.parse())
    primary = shadowing.sink.wait(lambda r: r.request_id == raw.headers["x-request-id"])
    assert raw.headers["x-kaname-target"] == "main/a"
    shadow = shadowing.sink.wait(lambda r: r.shadow_of == primary.span_id)
    assert (shadow.provider, shadow.target_model, shadow.outcome, shadow.status) == ("other", "b", "ok", 200)
    assert shadow.trace_id != primary.trace_id
    assert shadow.metadata["shadow_of_trace"] == primary.trace_id
    assert shadow.response == primary.response
    assert (shadow.session_id, shadow.user_id) == ("", "")


def test_a_mirror_that_fails_is_only_recorded(shadowing: Gateway) -> None:
    raw = shadowing.client().chat.completions.with_raw_response.create(model="mirrored-badly", messages=MESSAGES)
    primary = shadowing.sink.wait(lambda r: r.request_id == raw.headers["x-request-id"])
    shadow = shadowing.sink.wait(lambda r: r.shadow_of == primary.span_id)
    assert (primary.status, shadow.status, shadow.outcome) == (200, 502, "error")


def test_what_isnt_sampled_isnt_sent(shadowing: Gateway) -> None:
    raw = shadowing.client().chat.completions.with_raw_response.create(model="never", messages=MESSAGES)
    primary = shadowing.sink.wait(lambda r: r.request_id == raw.headers["x-request-id"])
    later = shadowing.client().chat.completions.with_raw_response.create(model="mirrored", messages=MESSAGES)
    second = shadowing.sink.wait(lambda r: r.request_id == later.headers["x-request-id"])
    shadowing.sink.wait(lambda r: r.shadow_of == second.span_id)
    assert not any(r.shadow_of == primary.span_id for r in shadowing.sink.records)


def test_a_user_keeps_the_arm_and_the_record_names_it(shadowing: Gateway) -> None:
    arms = set[str]()
    for user in ("u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"):
        seen = set[str]()
        for _ in range(2):
            raw = shadowing.client().chat.completions.with_raw_response.create(
                model="split", messages=MESSAGES, user=user
            )
            record = shadowing.sink.wait(lambda r, raw=raw: r.request_id == raw.headers["x-request-id"])
            assert record.experiment == "exp-1"
            assert 0.4 < record.propensity < 0.6
            assert record.target_model == record.arm
            seen.add(record.arm)
        assert len(seen) == 1
        arms |= seen
    assert arms == {"a", "b"}


class Holder:
    arms: Arms | None = None


class Earned:
    """Arm b is thought better of."""

    def rewards(self, experiment: str, metric: str) -> dict[str, Rewards]:
        assert (experiment, metric) == ("exp-9", "thumbs_up")
        return {"a": Rewards.of([0.0] * 80 + [1.0] * 20), "b": Rewards.of([0.0] * 20 + [1.0] * 80)}

    def kind(self, metric: str) -> str:
        return "boolean"


def test_a_learning_split_sends_more_to_the_better_arm() -> None:
    split = Split(arms={"a": 1, "b": 1}, experiment="exp-9", metric="thumbs_up", bandit=True, floor=0.1)
    book, holder = BanditBook(Earned(), 300.0), Holder()  # type: ignore[arg-type]
    holder.arms = book.arms(split, "exp-9", holder)
    assert book.shares("exp-9")[0] == {"a": 1.0, "b": 1.0}
    asyncio.run(book.learn())
    shares, rewards = book.shares("exp-9")
    assert shares["b"] > 0.85
    assert shares["a"] >= 0.1
    assert rewards["b"].n == 100
    assert holder.arms is not None
