"""A canary that fails half of its calls, before a real server with gateways beside it: it is rolled back by itself, for
every process, and stays so after kill -9."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway_alone import GatewayAlone, start_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, COMPLETION, FaultUpstream, Seen, Wire
from live import LiveServer, start_live_server

pytestmark = pytest.mark.xdist_group("gateway_canaries")

SCRAPED = {"KANAME_SERVER_METRICS_LOOPBACK": "true"}
CANARIES = "/api/v1/gateway/canaries"
CONFIG = """
providers:
  ok: {{base_url: "{upstream}/ok/v1", allow_private: true}}
  half: {{base_url: "{upstream}/half/v1", allow_private: true}}
models:
  bot:
    route:
      - split:
          sticky: user_id
          arms: {{a: 1, b: 1}}
          canary:
            arm: b
            steps: [20, 50, 100]
            guards: [{{metric: error_rate, tolerance: 0.05, min_n: 20}}]
            interval: 1h
        targets: {{a: ok/stable, b: {b}}}
    retry: {{max: 0}}
"""


class Half:
    """Every second answer is a 500."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    async def __call__(self, wire: Wire, seen: Seen) -> None:
        with self._lock:
            self._count += 1
            fails = self._count % 2 == 0
        body = b'{"error": {"message": "no", "type": "server_error"}}' if fails else COMPLETION
        await wire.reply("500 Internal Server Error" if fails else "200 OK", body)


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultUpstream]:
    with FaultUpstream({**BEHAVIOURS, "half": Half()}) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, upstream: FaultUpstream) -> Iterator[LiveServer]:
    folder = tmp_path / "data"
    folder.mkdir()
    write_config(folder, upstream, "half/new")
    live = start_live_server(folder, environment=SCRAPED)
    yield live
    live.stop()


def write_config(folder: Path, upstream: FaultUpstream, b: str) -> None:
    (folder / "gateway.yaml").write_text(CONFIG.format(upstream=f"http://127.0.0.1:{upstream.port}", b=b))


def call(url: str, key: str, user: str) -> tuple[int, str]:
    """Status, and who served it."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        body = json.dumps({"model": "bot", "messages": [{"role": "user", "content": "hi"}]})
        connection.request(
            "POST", "/v1/chat/completions", body,
            {"authorization": f"Bearer {key}", "content-type": "application/json", "x-kaname-user-id": user},
        )  # fmt: skip
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("x-kaname-target", "")
    finally:
        connection.close()


def until(what: Callable[[], object], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def canary(server: LiveServer) -> dict[str, Any]:
    answer = server.call("GET", CANARIES)
    assert answer.status == 200, answer.body
    (found,) = answer.json()["items"]
    return found


def shares(text: str) -> list[float]:
    """What a process's metrics say of the canary."""
    return [float(n) for n in re.findall(r"^kaname_gateway_canary_share\{.*\} (\S+)$", text, re.MULTILINE)]


def users_of_b(url: str, key: str, users: list[str]) -> set[str]:
    """Of these callers those whom another target than the stable one serves, or fails."""

    def served(user: str) -> str:
        return call(url, key, user)[1]

    with ThreadPoolExecutor(4) as pool:
        return {user for user, target in zip(users, pool.map(served, users), strict=True) if target[:3] != "ok/"}


def test_a_failing_canary_rolls_itself_back_everywhere_and_for_good(
    server: LiveServer, upstream: FaultUpstream
) -> None:
    gateways: list[GatewayAlone] = []
    try:
        gateways += [
            start_gateway(server.data_dir, environment=SCRAPED),
            start_gateway(server.data_dir, environment=SCRAPED),
        ]
        urls, key = [server.url, *(gateway.url for gateway in gateways)], server.secret_key
        # Sticky: a few callers, whichever process they ask, get the same arm.
        users = [f"user-{i}" for i in range(40)]
        for gateway in gateways:
            until(lambda gateway=gateway: shares(gateway.get("/metrics").body.decode()) == [0.2])
        first = users_of_b(urls[0], key, users)
        assert 2 <= len(first) <= 16
        assert users_of_b(urls[1], key, users) == first

        # The evidence is all processes' together.
        for turn in range(60):
            assert turn < 59, "never rolled back"
            users_of_b(urls[turn % 3], key, [f"more-{turn}-{i}" for i in range(24)])
            if canary(server)["phase"] == "rolled_back":
                break
        for url in urls:
            until(lambda url=url: not users_of_b(url, key, sorted(first)), timeout_s=4)

        found = canary(server)
        assert (found["share"], found["rollbacks"]) == (0.0, 1)
        changes = server.call("GET", f"{CANARIES}/{found['id']}/changes").json()["items"]
        assert [change["action"] for change in changes] == ["rollback", "start"]
        (finding,) = changes[0]["findings"]
        assert (finding["metric"], finding["finding"]) == ("error_rate", "harmed")
        assert finding["low"] > 0.05
        assert "canary 'bot/0' is rolled back" in server.log_path.read_text()
        for gateway in gateways:
            assert "canary 'bot/0' is rolled back" in gateway.log()
            scraped = gateway.get("/metrics").body.decode()
            assert shares(scraped) == [0.0]
            assert re.search(
                r'^kaname_gateway_canary_rollbacks_total\{.*canary="bot/0",arm="b"\} 1$', scraped, re.MULTILINE
            )

        # kill -9, and what starts again begins where it was.
        server.kill()
        gateways[0].process.send_signal(signal.SIGKILL)
        gateways[0].process.wait()
        server.restart()
        gateways.append(start_gateway(server.data_dir, environment=SCRAPED))
        for url in (server.url, gateways[-1].url):
            assert not users_of_b(url, key, users)
        assert canary(server)["phase"] == "rolled_back"

        # Another target is another canary; the old one comes back as it went.
        write_config(server.data_dir, upstream, "ok/better")
        until(lambda: canary(server)["phase"] == "running" and canary(server)["share"] == 0.2)
        write_config(server.data_dir, upstream, "half/new")
        until(lambda: canary(server)["id"] == found["id"])
        assert canary(server)["phase"] == "rolled_back"
    finally:
        for gateway in gateways:
            gateway.stop()


def test_people_move_it_and_callers_only_ever_join(server: LiveServer) -> None:
    users = [f"user-{i}" for i in range(60)]
    canary_id = canary(server)["id"]
    seen: list[set[str]] = []
    for share in (0.2, 0.5, 1.0):
        until(lambda share=share: arm_share(server) == pytest.approx(share, abs=0.02))
        seen.append(arm_of_each(server, users))
        if share < 1:
            answer = server.call("POST", f"{CANARIES}/{canary_id}/promote", {"message": "sure"})
            assert (answer.status, answer.json()["step"]) == (200, len(seen))
    assert seen[0] < seen[1] < seen[2] == set(users)
    assert server.call("POST", f"{CANARIES}/{canary_id}/rollback", {}).json()["phase"] == "rolled_back"
    until(lambda: arm_share(server) == 0)
    refused = server.call("POST", f"{CANARIES}/{canary_id}/promote", {})
    assert (refused.status, refused.json()["code"]) == (409, "gateway_canary_over")
    audit = server.call("GET", f"/api/v1/organizations/{server.organization_id}/audit").json()["items"]
    acts = [entry["action"] for entry in audit if entry["action"].startswith("gateway_canary.")]
    assert acts[:3] == ["gateway_canary.rollback", "gateway_canary.promote", "gateway_canary.promote"]
    assert server.with_key("GET", CANARIES).status == 403, "a project's key doesn't see the installation"
    assert server.call("POST", f"{CANARIES}/can_nothing/restart", {}).status == 404


def test_what_people_say_of_its_answers_takes_it_out(server: LiveServer, upstream: FaultUpstream) -> None:
    text = CONFIG.format(upstream=f"http://127.0.0.1:{upstream.port}", b="ok/blunt")
    guard = "[{metric: score, name: thumbs_up, tolerance: 0.1, min_n: 20}]"
    text = re.sub(r"guards: \[.*\]", f"guards: {guard}", text).replace("steps: [20,", "steps: [30,")
    (server.data_dir / "gateway.yaml").write_text(text)
    until(lambda: canary(server)["guards"][0]["metric"] == "score" and arm_share(server) > 0.2)
    for i in range(120):
        body = {"model": "bot", "messages": [{"role": "user", "content": "hi"}]}
        answer = server.with_key("POST", "/v1/chat/completions", body, headers={"x-kaname-user-id": f"u-{i}"})
        likes = answer.headers["x-kaname-target"] == "ok/stable"
        verdict = {"request_id": answer.headers["x-request-id"], "name": "thumbs_up", "value": likes}
        assert server.with_key("POST", "/v1/feedback", verdict).status == 200
    until(lambda: canary(server)["phase"] == "rolled_back", timeout_s=40)
    (change, *_) = server.call("GET", f"{CANARIES}/{canary(server)['id']}/changes").json()["items"]
    assert (change["findings"][0]["metric"], change["findings"][0]["finding"]) == ("score", "harmed")


def test_a_shell_shows_and_moves_it(server: LiveServer, tmp_path: Path) -> None:
    token = server.call("POST", "/api/v1/me/tokens", {"name": "canary cli"}).json()["token"]
    environment = {**os.environ, "KANAME_URL": server.url, "KANAME_TOKEN": token}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "kaname.app.cli", "gateway", *arguments],
            capture_output=True, text=True, env=environment, cwd=tmp_path, check=False,
        )  # fmt: skip
        return done.stdout if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"

    until(lambda: arm_share(server) > 0)
    first = run("canary", "list")
    assert "bot/0: arm b gets 20%, step 1 of 3" in first
    assert "error_rate: 0 of 20 observations" in first
    assert "arm b gets 50%, step 2 of 3" in run("canary", "promote", "bot/0", "-m", "so far so good")
    until(lambda: arm_share(server) > 0.4)
    request = tmp_path / "request.json"
    request.write_text('{"model": "bot", "messages": [{"role": "user", "content": "hi"}]}')
    assert "canary bot/0: arm b gets 50%, step 2 of 3" in run("plan", "--request", str(request))
    config = str(server.data_dir / "gateway.yaml")
    by_file = run("plan", "--request", str(request), "--config", config)
    assert "canary bot/0: arm b gets 20%, step 1 of 3; without a server" in by_file
    assert "finished" in run("canary", "promote", canary(server)["id"], "--full")
    assert "ROLLED BACK" in run("canary", "rollback", "bot/0", "-m", "it swears")
    listed = run("canary", "list", "--history")
    assert listed.index("rollback → 0%  canary cli  it swears") < listed.index(
        "promote → 50%  canary cli  so far so good"
    )
    assert "gets 20%" in run("canary", "restart", "bot/0")
    assert "the configuration has no canary 'other'" in run("canary", "restart", "other")
    assert json.loads(run("canary", "list", "--json"))[0]["rollbacks"] == 1


def arm_of_each(server: LiveServer, users: list[str]) -> set[str]:
    """Whom the plan of a call sends to the canary; nothing is called."""
    return {user for user in users if plan(server, user)["split"]["arm"] == "b"}


def arm_share(server: LiveServer) -> float:
    return float(plan(server, "x")["split"]["shares"]["b"])


def plan(server: LiveServer, user: str) -> dict[str, Any]:
    request = {"model": "bot", "messages": [{"role": "user", "content": "hi"}]}
    body = {"request": request, "headers": {"x-kaname-user-id": user}}
    answer = server.call("POST", server.project_path("gateway/plan"), body)
    assert answer.status == 200, answer.body
    return answer.json()
