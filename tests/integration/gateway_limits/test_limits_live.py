"""Limits of a real server: set over the API, counted by calls of the official SDK, kept over kill -9."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from live import LiveServer, start_live_server

CALL = {"model": "up/m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("limits") / "data"
    folder.mkdir()
    with FaultUpstream(BEHAVIOURS) as upstream:
        url = f"http://127.0.0.1:{upstream.port}"
        provider = f'{{base_url: "{url}/ok/v1", allow_private: true}}'
        (folder / "gateway.yaml").write_text(f"providers: {{up: {provider}}}\nkey_defaults: {{max_concurrency: 50}}\n")
        live = start_live_server(folder)
        # 9 tokens in and 3 out cost 12 thousandths of a dollar.
        price = {"pattern": "m", "provider": "up", "prices": {"input_uncached": "1000", "output_text": "1000"}}
        assert live.call("POST", live.project_path("prices"), price).status == 201
        time.sleep(2.5)  # prices are polled
        yield live
        live.stop()


def new_key(server: LiveServer) -> tuple[str, str]:
    made = server.call("POST", server.project_path("keys"), {"name": "k"}).json()
    return made["id"], made["secret_key"]


def set_policy(server: LiveServer, key_id: str, **policy: Any) -> None:
    path = server.project_path(f"gateway/keys/{key_id}/policy")
    answer = server.call("PUT", path, policy)
    assert answer.status == 200, answer.body
    time.sleep(0.8)


def client(server: LiveServer, secret: str, retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=secret, max_retries=retries)


def budget_of(server: LiveServer, key_id: str, amount: str) -> str:
    body = {"scope": "key", "subject": key_id, "amount_usd": amount, "period": "1d", "calendar": True}
    made = server.call("POST", server.project_path("gateway/budgets"), {**body, "time_zone": "Asia/Tokyo"})
    assert made.status == 201, made.body
    time.sleep(0.8)
    return made.json()["id"]


def spent(server: LiveServer, budget_id: str) -> str:
    items = server.call("GET", server.project_path("gateway/budgets")).json()["items"]
    return next(item["spent_usd"] for item in items if item["id"] == budget_id)


def wait_spent(server: LiveServer, budget_id: str, amount: str) -> None:
    deadline = time.monotonic() + 10
    while spent(server, budget_id) != amount:
        assert time.monotonic() < deadline, spent(server, budget_id)
        time.sleep(0.05)


def test_an_exhausted_budget_stops_the_sdk_at_once_and_survives_kill_9(server: LiveServer) -> None:
    key_id, secret = new_key(server)
    budget_id = budget_of(server, key_id, "0.05")
    sdk = client(server, secret, retries=3)
    answered = 0

    def call_until_refused() -> None:
        nonlocal answered
        while answered < 20:
            sdk.chat.completions.create(**CALL)  # type: ignore[call-overload]
            answered += 1

    with pytest.raises(openai.APIStatusError) as refused:
        call_until_refused()
    assert refused.value.request.headers["x-stainless-retry-count"] == "0"  # the SDK didn't repeat it
    assert refused.value.status_code == 402
    headers = refused.value.response.headers
    assert headers["x-should-retry"] == "false"
    assert headers["x-ratelimit-limit-budget"] == "0.05"
    assert 0 <= float(headers["x-ratelimit-remaining-budget"]) < 0.05
    error = json.loads(refused.value.response.text)["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
    assert 2 <= answered <= 4
    wait_spent(server, budget_id, f"{answered * 0.012:g}")
    server.kill()
    server.restart()
    with pytest.raises(anthropic.APIStatusError) as again:
        anthropic.Anthropic(base_url=server.url, api_key=secret).messages.create(
            model="up/m", messages=[{"role": "user", "content": "hello"}], max_tokens=4
        )
    assert again.value.status_code == 402
    assert again.value.body["error"]["type"] == "billing_error"  # type: ignore[index]
    assert again.value.response.headers["anthropic-ratelimit-budget-limit"] == "0.05"
    assert again.value.response.headers["anthropic-ratelimit-budget-reset"].endswith("Z")
    assert spent(server, budget_id) == f"{answered * 0.012:g}"


def test_a_rate_limit_is_a_429_with_the_headers_of_the_surface(server: LiveServer) -> None:
    key_id, secret = new_key(server)
    set_policy(server, key_id, rpm=2)
    sdk = client(server, secret)
    raw = sdk.chat.completions.with_raw_response.create(**CALL)  # type: ignore[call-overload]
    assert raw.headers["x-ratelimit-limit-requests"] == "2"
    assert raw.headers["x-ratelimit-remaining-requests"] == "1"
    sdk.chat.completions.create(**CALL)  # type: ignore[call-overload]
    with pytest.raises(openai.RateLimitError) as refused:
        sdk.chat.completions.create(**CALL)  # type: ignore[call-overload]
    assert (refused.value.code, refused.value.type) == ("rate_limit_exceeded", "requests")
    headers = refused.value.response.headers
    assert 1 <= int(headers["retry-after"]) <= 31
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("2", "0")
    assert int(headers["x-ratelimit-reset-requests"].removesuffix("ms")) > 0
    claude = anthropic.Anthropic(base_url=server.url, api_key=secret, max_retries=0)
    with pytest.raises(anthropic.RateLimitError) as same:
        claude.messages.create(model="up/m", messages=[{"role": "user", "content": "hello"}], max_tokens=4)
    headers = same.value.response.headers
    assert 1 <= int(headers["retry-after"]) <= 31
    limit, remaining = headers["anthropic-ratelimit-requests-limit"], headers["anthropic-ratelimit-requests-remaining"]
    assert (limit, remaining) == ("2", "0")
    assert datetime.fromisoformat(headers["anthropic-ratelimit-requests-reset"]) > datetime(2026, 1, 1, tzinfo=UTC)
    assert not any(name.startswith("x-ratelimit-") for name in headers)


def test_two_hundred_calls_at_once_stay_within_the_budget(server: LiveServer) -> None:
    key_id, secret = new_key(server)
    budget_id = budget_of(server, key_id, "0.5")
    sdk = client(server, secret)

    def call(_: int) -> int:
        try:
            sdk.chat.completions.create(**CALL)  # type: ignore[call-overload]
        except openai.APIStatusError as e:
            return e.status_code
        return 200

    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(call, range(200)))
    assert set(statuses) == {200, 402}
    answered = statuses.count(200)
    assert 30 <= answered <= 41  # 0.5 / 0.012
    wait_spent(server, budget_id, f"{answered * 0.012:g}")


def test_shadow_mode_lets_everything_through_and_says_so(server: LiveServer) -> None:
    key_id, secret = new_key(server)
    set_policy(server, key_id, models=["other"], rpm=1, shadow=True)
    sdk = client(server, secret)
    raw = [sdk.chat.completions.with_raw_response.create(**CALL) for _ in range(2)]  # type: ignore[call-overload]
    seen = [answer.headers.get("x-kaname-limited-by", "") for answer in raw]
    assert seen == ["model", "model,key:requests"]
    deadline = time.monotonic() + 10
    while True:
        usage = server.call("GET", server.project_path("gateway/usage")).json()["items"]
        mine = [u for u in usage if u["key_id"] == key_id]
        if mine and mine[0]["requests"] == 2:
            break
        assert time.monotonic() < deadline, usage
        time.sleep(0.05)
    assert (mine[0]["refused"], mine[0]["shadowed"], mine[0]["tokens"]) == (0, 3, 24)
