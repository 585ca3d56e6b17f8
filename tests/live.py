"""Starting a real `kaname up` for tests: its own data folder, a free port, an owner, a project and an API key."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 60.0
PASSWORD = "correct-horse-battery"


@dataclass(slots=True, kw_only=True)
class Response:
    """Status, headers (lower-case names) and body of an HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    method: str, url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None, timeout_s: float = 30.0
) -> Response:
    """One HTTP request that returns error answers instead of raising them."""
    prepared = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(prepared, timeout=timeout_s) as answer:
            return Response(status=answer.status, headers=_lower(answer.headers), body=answer.read())
    except urllib.error.HTTPError as e:
        with e:
            return Response(status=e.code, headers=_lower(e.headers), body=e.read())


def _lower(headers: Any) -> dict[str, str]:
    return {k.lower(): v for k, v in headers.items()}


@dataclass(slots=True, kw_only=True)
class LiveServer:
    """A running server and how to get in. `secret_key` has every scope of its project."""

    data_dir: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"
    url: str
    log_path: Path
    email: str = "owner@example.com"
    password: str = PASSWORD
    organization_id: str = ""
    project_id: str = ""
    public_key: str = ""
    secret_key: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    csrf_token: str = ""

    def call(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Response:
        """A management API call as the owner, with the session cookie."""
        sent = {"cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), "x-csrf-token": self.csrf_token}
        data = None
        if body is not None:
            data, sent["content-type"] = json.dumps(body).encode(), "application/json"
        return request(method, f"{self.url}{path}", body=data, headers={**sent, **(headers or {})})

    def with_key(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Response:
        """A call with the project's API key. `body` may be bytes or something to send as JSON."""
        sent = {"authorization": f"Bearer {self.secret_key}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        return request(method, f"{self.url}{path}", body=body, headers=sent)

    def project_path(self, rest: str) -> str:
        """A path below this project's API."""
        return f"/api/v1/projects/{self.project_id}/{rest}"

    def wait_for_spans(self, count: int, *, filter_json: str = "[]", timeout_s: float = 20.0) -> list[dict[str, Any]]:
        """Polls the spans list until it shows at least `count`."""
        deadline = time.monotonic() + timeout_s
        query = urllib.parse.urlencode({"filter": filter_json, "limit": "200"})
        while True:
            answer = self.with_key("GET", self.project_path(f"spans?{query}"))
            items = answer.json().get("items", []) if answer.status == 200 else []
            if len(items) >= count:
                return items
            assert time.monotonic() < deadline, (
                f"{len(items)} of {count} spans after {timeout_s} s: {answer.body[:400]}"
            )
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9 of the server process alone; its children must notice."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Starts it again on the same data folder and port."""
        port = self.url.rpartition(":")[2]
        self.process, self.url = _spawn(self.data_dir, {**self.environment, "KANAME_SERVER_PORT": port}, self.log_path)

    def stop(self) -> None:
        """SIGTERM and wait, as a service manager does."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_live_server(data_dir: Path, *, sql_url: str = "", environment: dict[str, str] | None = None) -> LiveServer:
    """Starts a server and completes its first-run set-up."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    variables = {
        "KANAME_SERVER_DATA_DIR": str(data_dir),
        "KANAME_SERVER_PORT": "0",
        "KANAME_SQL_URL": sql_url,
        **(environment or {}),
    }
    log_path = data_dir.parent / "server.log"
    process, url = _spawn(data_dir, variables, log_path)
    server = LiveServer(data_dir=data_dir, environment=variables, process=process, url=url, log_path=log_path)
    _set_up(server)
    return server


def _spawn(data_dir: Path, variables: dict[str, str], log_path: Path) -> "tuple[subprocess.Popen[bytes], str]":
    ready = data_dir / "run" / "server.json"
    ready.unlink(missing_ok=True)
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kaname.app.cli", "up"],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=data_dir.parent,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"the server didn't start:\n{log_path.read_text()[-4000:]}")
        time.sleep(0.05)
    return process, json.loads(ready.read_text())["url"]


def _set_up(server: LiveServer) -> None:
    match = re.search(r"/setup\?token=([\w-]+)", server.log_path.read_text())
    assert match, "the server printed no set-up link"
    setup = {"token": match.group(1), "email": server.email, "name": "Owner", "password": server.password}
    answer = server.call("POST", "/api/v1/auth/setup", setup)
    assert answer.status in (200, 201), answer.body
    log_in(server)
    me = server.call("GET", "/api/v1/me").json()
    organization = me["organizations"][0]
    server.organization_id, server.project_id = organization["id"], organization["projects"][0]["id"]
    created = server.call("POST", server.project_path("keys"), {"name": "tests"})
    assert created.status == 201, created.body
    key = created.json()
    server.public_key, server.secret_key = key["public_key"], key["secret_key"]


def log_in(server: LiveServer) -> None:
    """Logs the owner in; later `call`s carry the session."""
    answer = server.call("POST", "/api/v1/auth/login", {"email": server.email, "password": server.password})
    assert answer.status == 200, answer.body
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    server.cookies = {name: value}
    server.csrf_token = answer.json()["csrf_token"]
