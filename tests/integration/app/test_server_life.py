"""The server as an operator sees it: start, refusal of a second one, status, doctor, orderly end, kill -9."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from live import LiveServer, start_live_server

pytestmark = pytest.mark.xdist_group("server_life")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    started = start_live_server(tmp_path_factory.mktemp("life") / "data")
    yield started
    started.stop()


def kaname(server: LiveServer, *arguments: str, environment: dict[str, str] | None = None):
    return subprocess.run(
        [sys.executable, "-m", "kaname.app.cli", *arguments],
        env={**os.environ, **server.environment, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=server.data_dir.parent,
    )


def test_a_second_server_on_the_same_folder_is_refused(server: LiveServer) -> None:
    second = kaname(server, "up")
    assert second.returncode == 3
    assert str(server.process.pid) in second.stderr
    assert "→" in second.stderr


def test_health_and_readiness(server: LiveServer) -> None:
    assert server.call("GET", "/healthz").json()["status"] == "ok"
    deadline = time.monotonic() + 30
    while (answer := server.call("GET", "/readyz")).status != 200:
        assert time.monotonic() < deadline, answer.body
        time.sleep(0.1)
    assert set(answer.json()["checks"]) == {"gateway", "journal", "engine", "worker", "gateway_config", "limits"}


def test_status_without_a_login_says_how_to_see_more(server: LiveServer) -> None:
    shown = kaname(server, "status")
    assert shown.returncode == 0, shown.stderr
    assert "kaname login" in shown.stdout


def test_status_lists_every_process_with_its_memory(server: LiveServer) -> None:
    token = server.call("POST", "/api/v1/me/tokens", {"name": "status"}).json()["token"]
    shown = kaname(server, "status", environment={"KANAME_TOKEN": token})
    assert shown.returncode == 0, shown.stderr
    for name in ("server", "worker", "engine", "journal"):
        assert name in shown.stdout


def test_doctor_finds_nothing_wrong_with_a_good_installation(server: LiveServer) -> None:
    found = kaname(server, "doctor")
    faults = [line for line in found.stdout.splitlines() if line.startswith("✗") and "browser UI" not in line]
    assert not faults, found.stdout


def test_doctor_says_how_to_mend_an_open_data_folder(server: LiveServer) -> None:
    server.data_dir.chmod(0o755)
    try:
        found = kaname(server, "doctor")
    finally:
        server.data_dir.chmod(0o700)
    assert found.returncode == 1
    assert "chmod 700" in found.stdout


def test_settings_tell_value_origin_and_meaning(server: LiveServer) -> None:
    shown = kaname(server, "--set", "journal.retain_s=7", "settings")
    assert "journal.retain_s = 7.0  [flag]" in shown.stdout
    assert "[environment]" in shown.stdout
    assert "KANAME_JOURNAL_RETAIN_S" in shown.stdout


def test_a_secret_setting_is_never_printed(server: LiveServer) -> None:
    shown = kaname(server, "settings", environment={"KANAME_COLUMNS_PASSWORD": "hunter2"})
    assert "hunter2" not in shown.stdout
    assert "columns.password = (set, not shown)" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--set", "server.prot=1", "settings"), "server.prot"),
        (("--set", "server.port=many", "up"), "server.port"),
        (("--set", "server.log_level=loud", "--data-dir", "other", "up"), "server.log_level"),
        (("--config", "absent.toml", "settings"), "absent.toml"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(server: LiveServer, arguments: tuple[str, ...], named: str) -> None:
    refused = kaname(server, *arguments)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr


def test_unknown_api_paths_are_problems_with_an_id(server: LiveServer) -> None:
    answer = server.call("GET", "/api/v1/nowhere")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "not_found"
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_pages_carry_security_headers(server: LiveServer) -> None:
    answer = server.call("GET", "/traces")
    assert answer.status == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_path_out_of_the_static_folder_is_only_the_page(server: LiveServer) -> None:
    page = server.call("GET", "/").body
    assert server.call("GET", "/..%2f..%2fwiring.py").body == page
    assert server.call("GET", "/assets/../../wiring.py").body in (page, b"")


def test_it_comes_back_after_kill_9_and_ends_in_order(tmp_path: Path) -> None:
    server = start_live_server(tmp_path / "data")
    children = [p["pid"] for p in server.call("GET", "/api/v1/system/status").json()["processes"] if p["pid"]]
    server.kill()
    server.restart()
    try:
        assert server.call("GET", "/api/v1/me").status == 200, "the session survives a restart"
        for pid in children:
            assert not Path(f"/proc/{pid}").exists() or pid == server.process.pid, "an old child is still there"
    finally:
        server.stop()
    assert server.process.returncode == 0
    assert not (server.data_dir / "run" / "server.json").exists()


def test_the_printed_set_up_link_works_once(tmp_path: Path) -> None:
    server = start_live_server(tmp_path / "data")
    try:
        token = server.log_path.read_text().partition("/setup?token=")[2].split()[0]
        body = {"token": token, "email": "x@example.com", "name": "X", "password": "long-enough-password"}
        again = server.call("POST", "/api/v1/auth/setup", body)
        assert again.status == 409
        assert json.loads(again.body)["code"]
    finally:
        server.stop()
