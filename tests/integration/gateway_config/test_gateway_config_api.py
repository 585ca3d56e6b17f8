"""The gateway's configuration, secrets and state over the management API of a running server, on both SQL engines."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from live import LiveServer

CONFIG = "/api/v1/gateway/config"
SECRETS = "/api/v1/gateway/secrets"
BOX = 'box: {base_url: "http://127.0.0.1:1/v1", allow_private: true, keys: [{secret: box-key}]}'
TEXT = f"providers:\n  {BOX}\nmodels:\n  draft: {{use: box/small}}\n"


@pytest.fixture
def server(live_server: LiveServer) -> Iterator[LiveServer]:
    """The shared server, whose file and secret are taken away again."""
    yield live_server
    (live_server.data_dir / "gateway.yaml").unlink(missing_ok=True)
    wait_for(live_server, lambda config: config["source"] == "default")
    live_server.call("DELETE", f"{SECRETS}/box-key?force=true")


def api(server: LiveServer, method: str, path: str, body: object = None) -> Any:
    answer = server.call(method, path, body)
    assert answer.status < 300, answer.body
    return answer.json() if answer.body else None


def wait_for(server: LiveServer, holds: Callable[[dict[str, Any]], bool]) -> Any:
    deadline = time.monotonic() + 20
    while not holds(config := api(server, "GET", CONFIG)):
        assert time.monotonic() < deadline, config
        time.sleep(0.05)
    return config


def save(server: LiveServer, text: str, message: str = "") -> Any:
    expected = api(server, "GET", CONFIG)["text_version"]
    body = {"text": text, "message": message, "expected_version": expected}
    return api(server, "POST", CONFIG + "/versions", body)


def set_secret(server: LiveServer, value: str = "sk-box-12345") -> Any:
    return api(server, "POST", SECRETS, {"name": "box-key", "value": value})


def test_a_saved_configuration_is_in_force_in_the_file_and_in_the_history(server: LiveServer) -> None:
    set_secret(server)
    before = api(server, "GET", CONFIG)
    saved = save(server, TEXT, "first box")
    assert saved["text"] == TEXT
    assert saved["problem"] is None
    assert saved["version"] != before["version"]
    assert (server.data_dir / "gateway.yaml").read_text() == TEXT
    status = api(server, "GET", "/api/v1/gateway/status")
    assert status["version"] == saved["version"]
    assert [route["name"] for route in status["routes"]] == ["draft"]
    newest = api(server, "GET", CONFIG + "/versions")["items"][0]
    assert (newest["version"], newest["message"], newest["source"], newest["author_name"], newest["in_force"]) == (
        saved["version"], "first box", "ui", "Owner", True,
    )  # fmt: skip
    audit = api(server, "GET", f"/api/v1/organizations/{server.organization_id}/audit?action=gateway_config.change")
    assert audit["items"][0]["target"] == f"gateway_config/{newest['id']}"


def test_a_text_that_is_wrong_changes_nothing_and_says_where(server: LiveServer) -> None:
    wrong = "models:\n  draft: {use: nowhere/small}\n"
    checked = api(server, "POST", CONFIG + "/validate", {"text": wrong})
    assert checked["ok"] is False
    assert (checked["problem"]["line"], checked["problem"]["path"]) == (2, "models.draft.use")
    before = api(server, "GET", CONFIG)
    body = {"text": wrong, "expected_version": before["text_version"]}
    answer = server.call("POST", CONFIG + "/versions", body)
    assert answer.status == 400
    assert answer.json()["code"] == "gateway_config_invalid"
    assert api(server, "GET", CONFIG) == before
    assert not (server.data_dir / "gateway.yaml").exists()


def test_whoever_saves_over_a_change_they_have_not_seen_is_refused(server: LiveServer) -> None:
    set_secret(server)
    first = api(server, "GET", CONFIG)["text_version"]
    save(server, TEXT)
    answer = server.call("POST", CONFIG + "/versions", {"text": "models: {}\n", "expected_version": first})
    assert answer.status == 409
    assert answer.json()["code"] == "gateway_config_conflict"
    assert (server.data_dir / "gateway.yaml").read_text() == TEXT


def test_a_change_on_disk_is_recorded_and_can_be_compared_and_undone(server: LiveServer) -> None:
    set_secret(server)
    save(server, TEXT)
    edited = TEXT.replace("box/small", "box/large") + "  other: {use: box/small}\n"
    (server.data_dir / "gateway.yaml").write_text(edited)
    wait_for(server, lambda config: config["text"] == edited)
    newest, older = api(server, "GET", CONFIG + "/versions?limit=2")["items"]
    assert newest["source"] == "file"
    assert newest["author_name"] == "Kaname"
    diff = api(server, "GET", f"{CONFIG}/diff?before={older['id']}&after={newest['id']}")
    assert "+  other: {use: box/small}" in diff["unified"]
    assert {(c["path"], c["kind"]) for c in diff["changes"]} == {
        ("models.draft.use", "changed"), ("models.other", "added"),
    }  # fmt: skip
    restored = api(
        server, "POST", f"{CONFIG}/versions/{older['id']}/restore",
        {"message": "back", "expected_version": api(server, "GET", CONFIG)["text_version"]},
    )  # fmt: skip
    assert restored["text"] == TEXT
    assert api(server, "GET", f"{CONFIG}/versions/{newest['id']}")["text"] == edited


def test_a_bad_file_on_disk_keeps_the_old_configuration_and_shows_both(server: LiveServer) -> None:
    set_secret(server)
    version = save(server, TEXT)["version"]
    (server.data_dir / "gateway.yaml").write_text("models: [")
    config = wait_for(server, lambda config: config["problem"] is not None)
    assert config["version"] == version
    assert config["text"] == "models: ["
    assert config["problem"]["line"] == 1
    assert api(server, "GET", "/api/v1/gateway/status")["problem"]["message"].startswith("not valid YAML")


def test_a_secret_goes_in_is_used_and_never_comes_out(server: LiveServer) -> None:
    value = "sk-box-very-secret-1"
    set_secret(server, value)
    save(server, TEXT)
    (listed,) = api(server, "GET", SECRETS)["items"]
    assert (listed["name"], listed["used_by"], listed["set_by"]) == ("box-key", ["box"], "Owner")
    call = {"model": "draft", "messages": [{"role": "user", "content": "hi"}]}
    assert server.with_key("POST", "/v1/chat/completions", call).status == 502
    (used,) = api(server, "GET", SECRETS)["items"]
    assert used["last_used_at"] is not None
    assert server.call("DELETE", f"{SECRETS}/box-key").json()["code"] == "gateway_secret_in_use"
    everything = [
        server.call("GET", path).body
        for path in (SECRETS, CONFIG, "/api/v1/gateway/status", f"/api/v1/organizations/{server.organization_id}/audit")
    ]
    assert not any(value.encode() in body for body in everything)
    assert value not in server.log_path.read_text()


def test_a_missing_secret_is_refused_by_name_and_a_new_one_counts_at_once(server: LiveServer) -> None:
    checked = api(server, "POST", CONFIG + "/validate", {"text": TEXT})
    assert "secret 'box-key' isn't set" in checked["problem"]["message"]
    assert "kaname gateway secrets set box-key" in checked["problem"]["hint"]
    set_secret(server)
    assert api(server, "POST", CONFIG + "/validate", {"text": TEXT})["ok"]


def test_the_configuration_is_not_for_project_keys(server: LiveServer) -> None:
    for path in (CONFIG, SECRETS, "/api/v1/gateway/status"):
        assert server.with_key("GET", path).status == 403
    answer = server.call("POST", server.project_path("keys"), {"name": "sly", "scopes": ["gateway:manage"]})
    assert answer.status == 400


def test_state_counts_calls_by_route_target_and_key(server: LiveServer) -> None:
    set_secret(server)
    save(server, TEXT)
    call = {"model": "draft", "messages": [{"role": "user", "content": "hi"}]}
    assert server.with_key("POST", "/v1/chat/completions", call).status == 502
    status = api(server, "GET", "/api/v1/gateway/status")
    route = next(route for route in status["routes"] if route["name"] == "draft")
    assert route["traffic"]["requests"] >= 1
    assert route["traffic"]["errors"] >= 1
    target = next(target for target in status["targets"] if target["name"] == "box/small")
    assert target["configured"]
    assert target["traffic"]["errors"] >= 1
    assert [key["name"] for key in target["keys"]] == ["secret:box-key"]
    assert target["keys"][0]["requests"] >= 1
    provider = next(provider for provider in status["providers"] if provider["name"] == "box")
    assert provider["base_url"] == "http://127.0.0.1:1/v1"
    assert provider["traffic"]["requests"] >= 1


def test_a_request_is_explained_under_the_configuration_in_force_or_a_draft(server: LiveServer) -> None:
    set_secret(server)
    save(server, TEXT)
    request = {"model": "draft", "messages": [{"role": "user", "content": "hi"}]}
    path = server.project_path("gateway/plan")
    (target,) = api(server, "POST", path, {"request": request})["targets"]
    assert (target["name"], target["url"]) == ("box/small", "http://127.0.0.1:1/v1/chat/completions")
    draft = TEXT.replace("box/small", "box/large")
    (target,) = api(server, "POST", path, {"request": request, "text": draft})["targets"]
    assert target["name"] == "box/large"
    (key,) = api(server, "GET", server.project_path("keys"))["items"]
    assert api(server, "POST", path, {"request": request, "key_id": key["id"]})["caller"] == {"key": "tests"}
    assert server.call("POST", path, {"request": request, "key_id": "key_other"}).status == 404
    assert server.call("POST", path, {"request": {"model": "nothing", "messages": []}}).status in (400, 404)
