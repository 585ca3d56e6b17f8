"""A person's kept answers are erased over the API and the command line, in the server and in a gateway beside it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway_alone import GatewayAlone, start_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from kaname.app.cli import cli
from live import LiveServer, request, start_live_server

pytestmark = pytest.mark.xdist_group("gateway_cache")

ASK = {"model": "bot", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("erasure") / "data"
    folder.mkdir()
    with FaultUpstream(BEHAVIOURS) as upstream:
        provider = f'{{base_url: "http://127.0.0.1:{upstream.port}/ok/v1", allow_private: true}}'
        (folder / "gateway.yaml").write_text(
            f"providers: {{up: {provider}}}\nmodels: {{bot: {{use: up/m, cache: {{exact: 1h}}}}}}\n"
        )
        live = start_live_server(folder)
        yield live
        live.stop()


def cache_of(url: str, key: str, user: str) -> str:
    """What the cache says to a call of one user; each user asks something of their own."""
    body = {**ASK, "messages": [{"role": "user", "content": f"I am {user}"}]}
    gateway = GatewayAlone(process=None, url=url, log_path=Path(), started_cpu_s=0)  # type: ignore[arg-type]
    return gateway.call(key, body, {"x-kaname-user-id": user}).headers["x-kaname-cache"]


def test_one_user_is_forgotten_everywhere(server: LiveServer) -> None:
    gateway = start_gateway(server.data_dir)
    try:
        key, urls = server.secret_key, (server.url, gateway.url)
        for url in urls:
            assert [cache_of(url, key, "alice"), cache_of(url, key, "bob")] == ["miss", "miss"]
            assert [cache_of(url, key, "alice"), cache_of(url, key, "bob")] == ["hit", "hit"]
        answer = server.call("DELETE", server.project_path("gateway/cache?user_id=alice"))
        assert (answer.status, answer.json()) == (200, {"erased": 1})
        assert [cache_of(server.url, key, "alice"), cache_of(server.url, key, "bob")] == ["miss", "hit"]
        deadline = time.monotonic() + 20
        while cache_of(gateway.url, key, "alice") == "hit":
            assert time.monotonic() < deadline, "the gateway still knows"
            time.sleep(0.1)
        assert cache_of(gateway.url, key, "bob") == "hit"
    finally:
        gateway.stop()


def test_the_command_and_who_may_use_it(server: LiveServer) -> None:
    assert cache_of(server.url, server.secret_key, "carol") == "miss"
    assert server.call("DELETE", server.project_path("gateway/cache")).status in (400, 422)
    path = server.project_path("gateway/cache?user_id=carol")
    refused = request("DELETE", f"{server.url}{path}", headers={"authorization": f"Bearer {server.secret_key}"})
    assert refused.status == 403
    assert cache_of(server.url, server.secret_key, "carol") == "hit"
    token = server.call("POST", "/api/v1/me/tokens", {"name": "t"}).json()["token"]
    result = CliRunner().invoke(
        cli, ["--url", server.url, "gateway", "cache", "erase", "carol"], env={"KANAME_TOKEN": token}
    )
    assert result.exit_code == 0, result.output
    assert "Erased 1 kept answers" in result.output
    assert cache_of(server.url, server.secret_key, "carol") == "miss"
