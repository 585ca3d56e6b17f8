"""`kaname gateway up` with real processes: beside a server on one data folder, several on one port, killed, drained."""

import asyncio
import http.client
import json
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from crash_rig import child_pids
from gateway_alone import CALL, GatewayAlone, start_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, DONE, FINISH, ROLE, TOKENS, FaultUpstream, Seen, Wire
from kaname.app.sqlite_file import holds_only_keys
from live import LiveServer, start_live_server
from otlp_collector import Collector

pytestmark = pytest.mark.xdist_group("gateway_up")


async def slow(wire: Wire, seen: Seen) -> None:
    """Two seconds of tokens, complete."""
    await wire.start_stream()
    await wire.event(ROLE)
    for token in TOKENS:
        await wire.event(token)
        await asyncio.sleep(0.2)
    await wire.event(FINISH)
    await wire.event(DONE)
    await wire.end_stream()


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultUpstream]:
    with FaultUpstream({**BEHAVIOURS, "slow": slow}) as running:
        yield running


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, upstream: FaultUpstream, collector: Collector
) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("gateway_up") / "data"
    folder.mkdir()
    providers = [
        f'  {mode}: {{base_url: "http://127.0.0.1:{upstream.port}/{mode}/v1", allow_private: true}}'
        for mode in ("ok", "slow", "trickle", "hang")
    ]
    (folder / "gateway.yaml").write_text("providers:\n" + "\n".join(providers) + "\n")
    live = start_live_server(folder, environment={"KANAME_GATEWAY_OTLP_ENDPOINT": collector.url})
    yield live
    live.stop()


@pytest.fixture
def start(server: LiveServer) -> Iterator[Callable[..., GatewayAlone]]:
    running: list[GatewayAlone] = []

    def begin(*arguments: str, environment: dict[str, str] | None = None) -> GatewayAlone:
        running.append(start_gateway(server.data_dir, *arguments, environment=environment))
        return running[-1]

    yield begin
    for gateway in running:
        gateway.stop()


def new_key(server: LiveServer, *scopes: str) -> tuple[str, str]:
    made = server.call("POST", server.project_path("keys"), {"name": "k", **({"scopes": scopes} if scopes else {})})
    assert made.status == 201, made.body
    return made.json()["id"], made.json()["secret_key"]


def until(what: Callable[[], object], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def stored(server: LiveServer, tag: str) -> list[dict[str, object]]:
    """Spans whose session is `tag`."""
    condition = json.dumps([{"field": "session_id", "op": "eq", "value": tag}])
    return server.wait_for_spans(0, filter_json=condition)


def send(gateway: GatewayAlone, key: str, session: str) -> int:
    return gateway.call(key, headers={"x-kaname-session-id": session}).status


def test_it_starts_with_its_keys_alone_when_nothing_else_is_set(server: LiveServer) -> None:
    assert holds_only_keys(server.data_dir / "kaname.db")


def test_calls_are_served_and_their_records_stored_by_the_server(
    server: LiveServer, start: Callable[..., GatewayAlone]
) -> None:
    gateway = start()
    assert gateway.get("/healthz").json()["status"] == "ok"
    assert gateway.get("/readyz").json()["status"] == "ready"
    assert send(gateway, server.secret_key, "alone-1") == 200
    assert send(gateway, server.secret_key, "alone-1") == 200
    until(lambda: len(stored(server, "alone-1")) == 2)
    assert gateway.get("/api/v1/me").status == 404
    assert gateway.stop() == 0


def test_spans_go_to_another_backend_too_and_ours_reads_them(
    server: LiveServer, start: Callable[..., GatewayAlone], collector: Collector
) -> None:
    gateway = start()
    assert send(gateway, server.secret_key, "export-1") == 200
    sent: list[bytes] = []

    def arrived() -> bool:
        sent[:] = [r.SerializeToString() for _, _, r in collector.requests if b"export-1" in r.SerializeToString()]
        return bool(sent)

    until(arrived)
    assert b"hello" not in sent[0]
    project = server.call("POST", f"/api/v1/organizations/{server.organization_id}/projects", {"name": "copy"}).json()
    key = server.call("POST", f"/api/v1/projects/{project['id']}/keys", {"name": "k"}).json()["secret_key"]
    headers = {"authorization": f"Bearer {key}", "content-type": "application/x-protobuf"}
    assert server.with_key("POST", "/v1/traces", sent[0], headers=headers).status == 200
    path = f"/api/v1/projects/{project['id']}/spans"

    def copies() -> list[dict[str, object]]:
        return server.with_key("GET", path, headers={"authorization": f"Bearer {key}"}).json()["items"]

    until(copies)
    (original,) = stored(server, "export-1")
    (copy,) = copies()
    for name in ("span_id", "trace_id", "name", "session_id", "total_tokens"):
        assert copy[name] == original[name]
    time.sleep(1.2)
    assert len([r for _, _, r in collector.requests if b"export-1" in r.SerializeToString()]) == 1


def test_new_and_revoked_keys_and_limits_of_the_server_count(
    server: LiveServer, start: Callable[..., GatewayAlone]
) -> None:
    gateway = start()
    key_id, secret = new_key(server)
    until(lambda: gateway.call(secret).status == 200)
    policy = {"models": ["*"], "rpm": 1}
    assert server.call("PUT", server.project_path(f"gateway/keys/{key_id}/policy"), policy).status == 200
    until(lambda: gateway.call(secret).status == 429)
    assert server.with_key("GET", "/readyz").status == 200
    until(lambda: server.call("DELETE", server.project_path(f"gateway/keys/{key_id}/policy")).status in (200, 204, 404))
    assert server.call("DELETE", server.project_path(f"keys/{key_id}")).status in (200, 204)
    until(lambda: gateway.call(secret).status == 401)


def test_metrics_need_a_permission_and_count_calls(server: LiveServer, start: Callable[..., GatewayAlone]) -> None:
    gateway = start()
    _, reader = new_key(server, "metrics:read")
    send(gateway, server.secret_key, "metrics-1")
    assert gateway.get("/metrics").status == 401
    assert gateway.get("/metrics", server.secret_key).status == 403
    until(lambda: gateway.get("/metrics", reader).status == 200)
    text = gateway.get("/metrics", reader).body.decode()
    assert 'kaname_gateway_requests_total{process="gateway-1",surface="chat_completions",status="200",' in text
    assert 'kaname_gateway_tokens_total{process="gateway-1",kind="input",' in text
    for name in (
        "process_open_fds",
        "process_resident_memory_bytes",
        "kaname_gateway_in_flight",
        "kaname_journal_bytes",
    ):
        assert f"\n{name}{{" in text
    of_server = server.call("GET", "/metrics", headers={"authorization": f"Bearer {reader}"})
    assert 'kaname_child_up{process="server",child="worker"} 1' in of_server.body.decode()


def test_loopback_may_read_metrics_only_where_that_is_set(start: Callable[..., GatewayAlone]) -> None:
    gateway = start(environment={"KANAME_SERVER_METRICS_LOOPBACK": "true"})
    assert gateway.get("/metrics").status == 200
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc)
    connection.request("GET", "/metrics", headers={"x-forwarded-for": "203.0.113.9"})
    assert connection.getresponse().status == 401


def workers_of(gateway: GatewayAlone, reader: str) -> set[str]:
    text = gateway.get("/metrics", reader).body.decode()
    return set(re.findall(r'kaname_build_info{process="([^"]+)"', text))


def test_workers_share_a_port_and_come_back(server: LiveServer, start: Callable[..., GatewayAlone]) -> None:
    gateway = start("--workers", "2")
    _, reader = new_key(server, "metrics:read")
    until(lambda: gateway.get("/metrics", reader).status == 200)
    until(lambda: len(workers_of(gateway, reader)) == 2)
    pids = set(worker_pids(gateway))
    assert len(pids) == 2
    for _ in range(20):
        assert send(gateway, server.secret_key, "workers-1") == 200
    time.sleep(0.6)  # what a kill may lose is younger
    os.kill(min(pids), signal.SIGKILL)
    until(lambda: len(set(worker_pids(gateway)) - pids) == 1)
    until(lambda: len(workers_of(gateway, reader)) == 2)
    for _ in range(10):
        assert send(gateway, server.secret_key, "workers-1") == 200
    assert gateway.stop() == 0
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    until(lambda: len(stored(server, "workers-1")) == 30)


def worker_pids(gateway: GatewayAlone) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent == gateway.process.pid:
                found.append(int(entry.name))
    return found


def test_nothing_is_lost_or_doubled_when_everything_is_killed(
    server: LiveServer, start: Callable[..., GatewayAlone]
) -> None:
    gateway = start()
    total = 0
    for _ in range(3):
        for _ in range(20):
            total += send(gateway, server.secret_key, "kills-1") == 200
        time.sleep(0.6)
        os.kill(child_pids(server.process.pid)["worker"], signal.SIGKILL)
        gateway.process.kill()
        gateway.process.wait()
        gateway = start()
    until(lambda: len(stored(server, "kills-1")) >= total, 40)
    time.sleep(1.5)
    assert len(stored(server, "kills-1")) == total == 60


class Stream(threading.Thread):
    """One streamed call, read to its end."""

    def __init__(self, url: str, key: str, model: str) -> None:
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        body = json.dumps({**CALL, "model": model, "stream": True})
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self.connection.request("POST", "/v1/chat/completions", body, headers)
        self.answer = self.connection.getresponse()
        self.text = ""
        self.start()

    def run(self) -> None:
        self.text = self.answer.read().decode()


@pytest.mark.parametrize("how", ["alone", "workers", "server"])
def test_a_drain_lets_streams_end_and_refuses_what_is_new(
    server: LiveServer, start: Callable[..., GatewayAlone], upstream: FaultUpstream, how: str, tmp_path: Path
) -> None:
    if how == "server":
        second = start_live_server(tmp_path / "data", environment={"KANAME_SERVER_DRAIN_S": "4"})
        (second.data_dir / "gateway.yaml").write_text((server.data_dir / "gateway.yaml").read_text())
        url, key, process = second.url, second.secret_key, second.process
        until(lambda: second.with_key("POST", "/v1/chat/completions", CALL).status == 200)
    else:
        arguments = ("--workers", "1") if how == "alone" else ("--workers", "2")
        gateway = start(*arguments, environment={"KANAME_SERVER_DRAIN_S": "4"})
        url, key, process = gateway.url, server.secret_key, gateway.process
    ends, lasts = Stream(url, key, "slow/m"), Stream(url, key, "trickle/m")
    kept = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    kept.request("GET", "/readyz")
    assert json.loads(kept.getresponse().read())["status"] in ("ready", "degraded")
    process.terminate()
    refused = None
    deadline = time.monotonic() + 10
    while refused is None and how != "workers":  # the worker that the kept connection is with may end at once
        assert time.monotonic() < deadline
        answer = new_call(url, key)
        refused = answer if answer[0] == 503 else None
    if refused is not None:
        _, headers, body = refused
        assert (headers["connection"], headers["retry-after"]) == ("close", "1")
        assert json.loads(body)["error"]["code"] == "overloaded"
        kept.request("GET", "/readyz")
        ready = kept.getresponse()
        assert (ready.status, json.loads(ready.read())["status"]) == (503, "draining")
    ends.join(20)
    assert ends.text.endswith("data: [DONE]\n\n")
    assert process.wait(20) == 0
    lasts.join(5)
    last = [line for line in lasts.text.split("\n\n") if line][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "overloaded"
    assert "[DONE]" not in lasts.text


def new_call(url: str, key: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(CALL), headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_too_many_calls_are_refused_before_they_are_read(
    server: LiveServer, start: Callable[..., GatewayAlone]
) -> None:
    gateway = start(environment={"KANAME_GATEWAY_MAX_IN_FLIGHT": "2", "KANAME_SERVER_DRAIN_S": "0.2"})
    streams = [Stream(gateway.url, server.secret_key, "trickle/m") for _ in range(2)]
    assert [s.answer.status for s in streams] == [200, 200]
    answer = gateway.call("not even a key")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]["code"] == "overloaded"


def test_a_folder_without_a_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no key exists that could call"):
        start_gateway(tmp_path / "empty")


def test_an_old_schema_is_never_migrated(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with sqlite3.connect(folder / "kaname.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    with pytest.raises(AssertionError, match="kaname up"):
        start_gateway(folder)
