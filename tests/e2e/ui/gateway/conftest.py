"""A server with a configured gateway, an upstream that partly fails, limits, and calls that have already been made."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from live import LiveServer, start_live_server

STATIC = Path(__file__).resolve().parents[4] / "src" / "kaname" / "static"

CONFIG = """\
# What applications ask for, and who answers.
providers:
  openai:
    type: openai
    base_url: "{upstream}/ok/v1"
    allow_private: true
    keys: [{{env: UPSTREAM_1}}, {{env: UPSTREAM_2, weight: 2}}]
  box: {{type: openai_compatible, base_url: "{upstream}/ok/v1", allow_private: true}}   # under the desk
  flaky: {{type: openai_compatible, base_url: "{upstream}/500/v1", allow_private: true}}

models:
  # the support assistant
  support-bot:
    route:
      - {{when: metadata.plan == "free", targets: [box/qwen]}}
      - split: {{sticky: session_id, arms: {{a: 90, b: 10}}, experiment: exp-12}}
        targets: {{a: [openai/gpt-4o-mini], b: [{{use: box/qwen, weight: 2}}, openai/gpt-4o]}}
        fallback: [flaky/llama, box/qwen]   # in this order
        mirror: {{use: box/qwen-next, sample: 0.05}}
    timeouts: {{ttft: 10s, total: 2m}}
    retry: {{max: 1, base: 10ms, cap: 20ms}}
  unreliable: {{use: flaky/llama, fallback: [box/qwen], retry: {{max: 0}}}}
  faq: {{use: openai/gpt-4o-mini, cache: {{exact: 1h}}}}
  draft: {{use: box/qwen}}
  guarded:
    use: box/qwen
    cache: {{exact: 1h}}
    guardrails:
      input: [pii, {{injection: {{action: observe}}}}, {{keywords: [forbidden]}}]
      output: [secrets]
default_provider: openai
"""


@dataclass(frozen=True)
class GatewaySite:
    """The server, its configuration file, and what that said at first."""

    server: LiveServer
    config_path: Path
    config: str


def _chat(server: LiveServer, model: str, **body: object) -> int:
    message = {"role": "user", "content": "Where is my parcel?"}
    return server.with_key("POST", "/v1/chat/completions", {"model": model, "messages": [message], **body}).status


def _use(server: LiveServer) -> None:
    for number in range(24):
        assert _chat(server, "support-bot", user=f"user-{number % 5}") == 200
    for _ in range(6):
        assert _chat(server, "support-bot", metadata={"plan": "free"}) == 200
        assert _chat(server, "faq") == 200
    for _ in range(8):
        assert _chat(server, "unreliable") == 200
    for _ in range(2):
        assert _chat(server, "flaky/llama") in (502, 503)  # its breaker may be open by now


def _limit(server: LiveServer) -> None:
    keys = server.call("GET", server.project_path("keys")).json()["items"]
    key = keys[0]["id"]
    policy = {"models": ["*"], "rpm": 600, "tpm": 200_000, "max_concurrency": 20}
    assert server.call("PUT", server.project_path(f"gateway/keys/{key}/policy"), policy).status == 200
    monthly = {"period": "1M", "calendar": True, "time_zone": "Asia/Tokyo"}
    budgets = (
        {"scope": "key", "subject": key, "amount_usd": "0.00014", **monthly, "on_exceed": "warn"},
        {"scope": "project", "amount_usd": "50", **monthly, "on_exceed": "warn"},
        {"scope": "user", "subject": "*each", "amount_usd": "2", "period": "1d", "shadow": True},
    )
    for budget in budgets:
        answer = server.call("POST", server.project_path("gateway/budgets"), budget)
        assert answer.status == 201, answer.body
    time.sleep(1)  # every process knows of them after an exchange


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySite]:
    """One for all tests of this folder: they leave it as valid as they found it."""
    if not (STATIC / "index.html").exists():
        pytest.skip("the browser UI isn't built: run `npm run build` in ui/")
    folder = tmp_path_factory.mktemp("gateway-ui") / "data"
    folder.mkdir(mode=0o700)
    with FaultUpstream(BEHAVIOURS) as upstream:
        path = folder / "gateway.yaml"
        config = CONFIG.format(upstream=f"http://127.0.0.1:{upstream.port}")
        path.write_text(config)
        server = start_live_server(folder, environment={"UPSTREAM_1": "sk-one", "UPSTREAM_2": "sk-two"})
        _limit(server)
        _use(server)
        yield GatewaySite(server=server, config_path=path, config=config)
        server.stop()


@pytest.fixture(scope="session")
def ui_server(site: GatewaySite) -> LiveServer:
    """Takes the place of the usual server: `open_page` opens this one."""
    return site.server
