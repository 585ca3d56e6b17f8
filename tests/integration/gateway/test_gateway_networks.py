"""A key's networks, models, rate and concurrency hold on every way in: the short one, the usual one, native calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from integration.gateway.conftest import Gateway, running_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from kaname.app.proxies import TrustedProxies
from kaname.gateway.client_address import Believe, peer_only

KEY = {"authorization": "Bearer good"}
CHAT = {"model": "ok/m", "messages": [{"role": "user", "content": "Hi"}]}


@contextmanager
def limited(folder: Path, defaults: str, believe: Believe = peer_only) -> Iterator[Gateway]:
    with FaultUpstream(BEHAVIOURS) as upstream:
        provider = f'{{base_url: "http://127.0.0.1:{upstream.port}/ok/v1", allow_private: true, keys: [{{env: UP}}]}}'
        text = f"providers:\n  ok: {provider}\nkey_defaults: {defaults}\n"
        with running_gateway(folder, upstream, text, believe=believe) as running:
            yield running


def ways(gateway: Gateway, headers: dict[str, str]) -> list[httpx.Response]:
    """The same call the short way, the usual way (chunked), natively, and the list of models."""
    chunks = iter([b'{"model":"ok/m",', b'"messages":[{"role":"user","content":"Hi"}]}'])
    headers = {**KEY, **headers}
    return [
        httpx.post(f"{gateway.url}/chat/completions", json=CHAT, headers=headers),
        httpx.post(f"{gateway.url}/chat/completions", content=chunks, headers=headers),
        httpx.post(
            f"http://127.0.0.1:{gateway.port}/pass/ok/chat/completions", json={**CHAT, "model": "m"}, headers=headers
        ),
        httpx.get(f"{gateway.url}/models", headers=headers),
    ]


def test_another_network_is_refused_on_every_way(tmp_path: Path) -> None:
    with limited(tmp_path, "{cidrs: [10.0.0.0/8]}") as gateway:
        answers = ways(gateway, {"x-forwarded-for": "10.1.2.3"})
        assert [a.status_code for a in answers] == [403] * 4
        assert {a.json()["error"]["code"] for a in answers} == {"address_not_allowed"}
        assert not gateway.upstream.seen


def test_the_peers_network_is_let_in(tmp_path: Path) -> None:
    with limited(tmp_path, "{cidrs: [127.0.0.0/8]}") as gateway:
        assert [a.status_code for a in ways(gateway, {"x-forwarded-for": "10.1.2.3"})] == [200] * 4


@pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("192.0.2.1", 403), ("10.1.2.3, 192.0.2.1", 403)])
def test_behind_a_trusted_proxy_the_forwarded_address_counts(tmp_path: Path, address: str, status: int) -> None:
    with limited(tmp_path, "{cidrs: [10.0.0.0/8]}", TrustedProxies(("127.0.0.1",)).client) as gateway:
        assert [a.status_code for a in ways(gateway, {"x-forwarded-for": address})] == [status] * 4


def test_models_of_a_key_hold_natively(tmp_path: Path) -> None:
    with limited(tmp_path, '{models: ["ok/small-*"]}') as gateway:
        url = f"http://127.0.0.1:{gateway.port}/pass/ok"
        assert httpx.post(f"{url}/chat/completions", json={"model": "small-1"}, headers=KEY).status_code == 200
        assert httpx.post(f"{url}/chat/completions", json={"model": "large"}, headers=KEY).status_code == 403
        assert httpx.get(f"{url}/files", headers=KEY).json()["error"]["code"] == "model_not_allowed"


def test_rates_hold_natively(tmp_path: Path) -> None:
    with limited(tmp_path, "{rpm: 2}") as gateway:
        url = f"http://127.0.0.1:{gateway.port}/pass/ok/chat/completions"
        statuses = [httpx.post(url, json={"model": "m"}, headers=KEY).status_code for _ in range(4)]
        assert statuses[0] == 200
        assert statuses[-1] == 429


def test_natively_nothing_escapes_guards(tmp_path: Path) -> None:
    guards = "{}\nguardrails: {input: [secrets]}"
    with limited(tmp_path, guards) as gateway:
        url = f"http://127.0.0.1:{gateway.port}/pass/ok/chat/completions"
        answer = httpx.post(url, json={"model": "m"}, headers=KEY)
        assert answer.json()["error"]["code"] == "pass_through_guarded"
