"""`kaname gateway up` on a data folder of its own, sharing only a PostgreSQL with the server: keys, limits, secrets."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_alone import start_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from live import start_live_server


def until(what: Callable[[], object], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.mark.parametrize("sql_engine", ["postgresql"], indirect=True)
def test_another_machine_shares_keys_limits_and_secrets(empty_database_url: str, tmp_path: Path) -> None:
    server = start_live_server(tmp_path / "here" / "data", sql_url=empty_database_url)
    there = tmp_path / "there" / "data"
    there.mkdir(parents=True)
    with FaultUpstream(BEHAVIOURS) as upstream:
        provider = f'base_url: "http://127.0.0.1:{upstream.port}/ok/v1", allow_private: true'
        (there / "gateway.yaml").write_text(f"providers: {{ok: {{{provider}, keys: [{{secret: up}}]}}}}\n")
        assert server.call("POST", "/api/v1/gateway/secrets", {"name": "up", "value": "sk-shared"}).status in (200, 201)
        gateway = start_gateway(
            there, "--workers", "2",
            environment={
                "KANAME_SQL_URL": empty_database_url,
                "KANAME_CRYPTO_KEY_FILE": str(server.data_dir / "secrets" / "master.key"),
            },
        )  # fmt: skip
        try:
            key = server.call("POST", server.project_path("keys"), {"name": "k"}).json()
            until(lambda: gateway.call(key["secret_key"]).status == 200)
            assert upstream.last("ok").headers["authorization"] == "Bearer sk-shared"
            policy = {"models": ["*"], "rpm": 2}
            path = server.project_path(f"gateway/keys/{key['id']}/policy")
            assert server.call("PUT", path, policy).status == 200
            until(lambda: gateway.call(key["secret_key"]).status == 429)
            assert server.call("DELETE", server.project_path(f"keys/{key['id']}")).status in (200, 204)
            until(lambda: gateway.call(key["secret_key"]).status == 401)
        finally:
            assert gateway.stop() == 0
            server.stop()
