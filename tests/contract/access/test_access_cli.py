"""`kaname login` and `kaname keys` against a real HTTP server."""

import json
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result

from fixtures_access import PASSWORD, Browser, Site
from kaname.access.cli import keys, login, logout
from kaname.app.api_client import ApiClient, Connector
from kaname.kernel.errors import (
    InvalidInputError,
    KanameError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
)


@pytest.fixture
def url(site: Site, owner: Browser) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(site.app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def run(command: object, environment: dict[str, str], *arguments: str, typed: str = "") -> Result:
    connector = Connector(environment=environment)
    return CliRunner().invoke(command, list(arguments), obj=connector, input=typed)


def log_in(url: str, environment: dict[str, str]) -> None:
    result = run(login, environment, "--url", url, typed=f"owner@example.com\n{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output


def test_login_keeps_a_token_that_only_the_user_can_read(url: str, environment: dict[str, str], tmp_path: Path) -> None:
    log_in(url, environment)
    saved = tmp_path / "config" / "kaname" / "login.json"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert json.loads(saved.read_text())["token"].startswith("kn-pt-")
    assert [p.name for p in saved.parent.iterdir()] == ["login.json"]


def test_keys_from_creation_to_revocation(url: str, environment: dict[str, str], site: Site) -> None:
    log_in(url, environment)
    created = run(keys, environment, "create", "ci", "--scope", "traces:write", "--days", "9000")
    assert created.exit_code == 2
    created = run(keys, environment, "create", "ci", "--scope", "traces:write", "--days", "3650")
    assert created.exit_code == 0, created.output
    secret_key = created.stdout.strip()
    assert site.access.keyring.authenticate(f"Bearer {secret_key}".encode()).permissions == {"traces:write"}
    listed = run(keys, environment, "list")
    assert "ci" in listed.stdout
    assert secret_key not in listed.stdout
    key = json.loads(run(keys, environment, "list", "--json").stdout)["items"][0]
    assert run(keys, environment, "revoke", key["id"]).exit_code == 0
    assert "No keys" in run(keys, environment, "list").stdout
    with pytest.raises(UnauthenticatedError):
        site.access.keyring.authenticate(f"Bearer {secret_key}".encode())


def test_errors_arrive_as_the_errors_they_were(url: str, environment: dict[str, str]) -> None:
    def failure(command: object, *arguments: str, typed: str = "") -> BaseException | None:
        return run(command, environment, *arguments, typed=typed).exception

    assert isinstance(failure(keys, "list"), UnauthenticatedError)
    wrong = failure(login, "--url", url, typed="owner@example.com\nwrong password\n")
    assert isinstance(wrong, UnauthenticatedError)
    log_in(url, environment)
    assert isinstance(failure(keys, "revoke", "key_none"), NotFoundError)
    assert isinstance(failure(keys, "create", "x", "--scope", "nonsense"), InvalidInputError)
    assert isinstance(failure(keys, "list", "--project", "nowhere"), InvalidInputError)
    token = Connector(environment=environment).connect()
    with pytest.raises(PermissionDeniedError):
        token.post("/api/v1/me/tokens", {"name": "x"})


def test_a_saved_token_goes_to_its_own_server_only(url: str, environment: dict[str, str]) -> None:
    log_in(url, environment)
    with pytest.raises(UnauthenticatedError, match="aren't logged in at"):
        Connector(url="http://127.0.0.1:1", environment=environment).connect()


def test_logout_forgets(url: str, environment: dict[str, str]) -> None:
    log_in(url, environment)
    assert "Logged out" in run(logout, environment).output
    assert "weren't" in run(logout, environment).output


def test_several_projects_must_be_told_apart(url: str, environment: dict[str, str], owner: Browser) -> None:
    owner.client.post(f"{owner.organization}/projects", json={"name": "二番"})
    log_in(url, environment)
    connector = Connector(environment=environment)
    with pytest.raises(InvalidInputError, match="several"):
        connector.project_id(None)
    assert connector.project_id("二番") != owner.project_id
    assert Connector(environment={**environment, "KANAME_PROJECT": owner.project_id}).project_id(None)


def test_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnavailableError, match="no Kaname server answers"):
        ApiClient(f"http://127.0.0.1:{port}").get("/api/v1/me")
    with pytest.raises(UnavailableError):
        list(ApiClient(f"http://127.0.0.1:{port}").stream("/api/v1/me"))
    with pytest.raises(InvalidInputError):
        ApiClient("localhost:8700")


def test_what_isnt_kaname_is_named_as_such() -> None:
    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 418 teapot\r\ncontent-length: 3\r\nconnection: close\r\n\r\nhi!")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        with pytest.raises(KanameError, match="418"):
            ApiClient(f"http://127.0.0.1:{listener.getsockname()[1]}").get("/")
        thread.join()
