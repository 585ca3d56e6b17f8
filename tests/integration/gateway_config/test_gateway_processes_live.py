"""A server and gateways beside it, two of them workers on one port: one status shows what all of them do."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_alone import GatewayAlone, start_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from live import LiveServer, start_live_server

pytestmark = pytest.mark.xdist_group("gateway_processes")

ASK = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("processes") / "data"
    folder.mkdir()
    with FaultUpstream(BEHAVIOURS) as upstream:
        url = f"http://127.0.0.1:{upstream.port}"
        (folder / "gateway.yaml").write_text(
            f"providers:\n  ok: {{base_url: '{url}/ok/v1', allow_private: true}}\n"
            f"  bad: {{base_url: '{url}/500/v1', allow_private: true}}\n"
            "models:\n  bot: {use: ok/m}\n  broken: {use: bad/m, retry: {max: 0}}\n"
        )
        live = start_live_server(folder)
        yield live
        live.stop()


def status_of(server: LiveServer) -> dict[str, Any]:
    answer = server.call("GET", "/api/v1/gateway/status")
    assert answer.status == 200, answer.body
    return answer.json()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def target_of(server: LiveServer, name: str) -> dict[str, Any]:
    return next(target for target in status_of(server)["targets"] if target["name"] == name)


def ask(url: str, key: str, model: str) -> int:
    gateway = GatewayAlone(process=None, url=url, log_path=Path(), started_cpu_s=0)  # type: ignore[arg-type]
    return gateway.call(key, {"model": model, "messages": ASK}).status


def test_one_status_shows_what_all_processes_do(server: LiveServer) -> None:
    workers, alone = start_gateway(server.data_dir, "--workers", "2"), start_gateway(server.data_dir)
    try:
        until(lambda: len(status_of(server)["processes"]) == 4)
        key = server.secret_key
        for url in [server.url] * 2 + [workers.url] * 8 + [alone.url] * 3:
            assert ask(url, key, "bot") == 200
        until(lambda: target_of(server, "ok/m")["traffic"]["requests"] == 13)
        shown = status_of(server)
        assert next(r for r in shown["routes"] if r["name"] == "bot")["traffic"]["requests_since_start"] == 13
        processes = shown["processes"]
        assert [p["kind"] for p in processes].count("server") == 1
        assert len({p["name"] for p in processes}) == 4
        assert [p["answers"] for p in processes] == [True, False, False, False]
        assert max(p["requests_since_start"] for p in processes) <= 8
        assert sum(p["requests_since_start"] for p in processes) == 13
        assert {p["version"] for p in processes} == {shown["version"]}

        # A breaker that opened in one process is open there, and shown with its name.
        for _ in range(8):
            assert ask(alone.url, key, "broken") >= 500
        until(lambda: target_of(server, "bad/m")["keys"][0]["state"] != "closed")
        name = next(p["name"] for p in processes if p["name"].endswith(f":{alone.process.pid}"))
        assert [p["process"] for p in target_of(server, "bad/m")["keys"][0]["processes"]] == [name]

        alone.stop()
        until(lambda: len(status_of(server)["processes"]) == 3)
    finally:
        workers.stop()
        alone.stop()
    until(lambda: len(status_of(server)["processes"]) == 1)
