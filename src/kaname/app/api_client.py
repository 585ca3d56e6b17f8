"""The management API from a shell: what every `kaname` command that talks to a running server uses.

    @click.pass_obj
    def list_keys(connector: ApiConnector) -> None:      # the Protocols are in access/ports.py
        api = connector.connect()
        keys = api.get(f"/api/v1/projects/{connector.project_id(None)}/keys")

Slices get a `Connector` as click's context object from `app/cli.py` and import only the Protocols. A failure is raised
as the `KanameError` that the server raised. Redirects are not followed: a token must not travel to another address.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from kaname.kernel.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    KanameError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitedError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedMediaTypeError,
    UpstreamError,
    UpstreamTimeoutError,
)
from kaname.kernel.ids import random_token

DEFAULT_URL = "http://127.0.0.1:8700"
_TIMEOUT = urllib3.Timeout(connect=5, read=120)
_MAX_ANSWER_BYTES = 64 << 20
_STREAM_CHUNK = 64 << 10
_ERRORS: dict[int, type[KanameError]] = {
    e.status: e
    for e in (
        InvalidInputError,
        UnsupportedMediaTypeError,
        UnauthenticatedError,
        QuotaExceededError,
        PermissionDeniedError,
        NotFoundError,
        ConflictError,
        TooLargeError,
        RateLimitedError,
        UnavailableError,
        UpstreamError,
        UpstreamTimeoutError,
    )
}


class ApiClient:
    """Speaks JSON with one server. Implements `access.ports.Api`."""

    def __init__(self, url: str, token: str | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInputError(f"server address {url!r} is no URL", hint=f"Write it as {DEFAULT_URL}.")
        self.url = url.rstrip("/")
        self._headers = {"accept": "application/json", "user-agent": "kaname-cli"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)

    def get(self, path: str, params: Mapping[str, str] | None = None) -> object:
        return self._call("GET", path, params=params)

    def post(self, path: str, body: object) -> object:
        return self._call("POST", path, body=body)

    def patch(self, path: str, body: object) -> object:
        return self._call("PATCH", path, body=body)

    def delete(self, path: str) -> object:
        return self._call("DELETE", path)

    def stream(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """The raw body in pieces."""
        answer = self._send("GET", path, params=params, body=None)
        try:
            if answer.status != 200:
                raise _error_of(answer.status, answer.read(_MAX_ANSWER_BYTES))
            yield from answer.stream(_STREAM_CHUNK)
        except HTTPError as e:
            raise UnavailableError(f"{self.url} broke off: {e}", hint="Run the command again.") from e
        finally:
            answer.close()

    def _call(self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None) -> object:
        answer = self._send(method, path, params=params, body=body)
        try:
            data = answer.read(_MAX_ANSWER_BYTES)
        except HTTPError as e:
            raise UnavailableError(f"{self.url} broke off: {e}", hint="Run the command again.") from e
        finally:
            answer.release_conn()
        if not 200 <= answer.status < 300:
            raise _error_of(answer.status, data)
        try:
            return json.loads(data) if data else None
        except ValueError as e:
            raise UnavailableError(f"{self.url} answered no JSON", hint="Is this a Kaname server?") from e

    def _send(
        self, method: str, path: str, *, params: Mapping[str, str] | None, body: object
    ) -> urllib3.BaseHTTPResponse:
        query = f"?{urlencode(params)}" if params else ""
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers if data is None else {**self._headers, "content-type": "application/json"}
        try:
            return self._pool.request(
                method, f"{self.url}{path}{query}", body=data, headers=headers, preload_content=False, redirect=False
            )
        except HTTPError as e:
            raise UnavailableError(
                f"no Kaname server answers at {self.url}: {e}", hint="Start it with `kaname up`, or give --url."
            ) from e


class Connector:
    """Finds server and credential: command line, then environment, then the last `kaname login`.

    Implements `access.ports.ApiConnector`.
    """

    def __init__(self, *, url: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._url = url or self._environment.get("KANAME_URL")
        self._file = config_dir(self._environment) / "login.json"

    def connect(self) -> ApiClient:
        saved = self._saved()
        url = self._url or saved.get("url") or DEFAULT_URL
        token = self._environment.get("KANAME_TOKEN")
        if token is None and saved.get("url") == url:
            # A saved token goes to the server that it came from and to no other.
            token = saved.get("token")
        if token is None:
            raise UnauthenticatedError(f"you aren't logged in at {url}", hint=f"kaname login --url {url}")
        return ApiClient(url, token)

    def anonymous(self, url: str | None = None) -> ApiClient:
        return ApiClient(url or self._url or self._saved().get("url") or DEFAULT_URL)

    def save_login(self, url: str, token: str) -> Path:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._file.with_suffix(f".{random_token(10)}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"url": url.rstrip("/"), "token": token}, file)
        temporary.replace(self._file)
        return self._file

    def forget_login(self) -> bool:
        known = self._file.exists()
        self._file.unlink(missing_ok=True)
        return known

    def project_id(self, chosen: str | None) -> str:
        wanted = chosen or self._environment.get("KANAME_PROJECT")
        me = cast("dict[str, Any]", self.connect().get("/api/v1/me"))
        projects = [p for organization in me["organizations"] for p in organization["projects"]]
        matching = [p for p in projects if wanted in (None, p["id"], p["name"])]
        if len(matching) == 1:
            return str(matching[0]["id"])
        known = ", ".join(f"{p['id']} ({p['name']})" for p in projects) or "none"
        fault = f"no project is called {wanted!r}" if wanted and not matching else "several projects match"
        raise InvalidInputError(fault, hint=f"Give --project or KANAME_PROJECT. Yours: {known}.")

    def _saved(self) -> dict[str, str]:
        try:
            saved = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as e:
            raise ConfigurationError(f"{str(self._file)!r} can't be read: {e}", hint="Run `kaname login`.") from e
        return {str(k): str(v) for k, v in cast("dict[object, object]", saved).items()}


def config_dir(environment: Mapping[str, str]) -> Path:
    """The user's own settings folder: `$XDG_CONFIG_HOME/kaname` or `~/.config/kaname`."""
    base = environment.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "kaname"


def _error_of(status: int, body: bytes) -> KanameError:
    try:
        problem = json.loads(body)
        detail, hint, code = problem["detail"], problem.get("hint", ""), problem.get("code")
    except (ValueError, KeyError, TypeError):
        text = body[:200].decode(errors="replace")
        detail, hint, code = f"the server answered {status}: {text!r}", "Is this a Kaname server?", None
    return _ERRORS.get(status, KanameError)(str(detail), hint=str(hint), code=code)
