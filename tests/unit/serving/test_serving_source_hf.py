"""`hf:` against a small HTTP server that redirects, cuts connections and serves ranges as the hub does."""

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kaname.kernel.errors import IntegrityError, InvalidInputError, UnavailableError
from kaname.serving.catalogue import parse_reference
from kaname.serving.settings import ModelsSettings
from kaname.serving.sources import build_sources
from kaname.serving.store import ModelStore

REFERENCE = "hf:owner/repo/tiny.gguf@v1"


class Hub(http.server.ThreadingHTTPServer):
    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.body = body
        self.linked_digest = hashlib.sha256(body).hexdigest()
        self.cut_after: int | None = None
        self.status = 302
        self.requests: list[tuple[str, str | None, str | None]] = []


class Answer(http.server.BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub = self.server
        hub.requests.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        if self.path.startswith("/owner"):
            self.send_response(hub.status)
            self.send_header("X-Linked-Etag", f'"{hub.linked_digest}"')
            self.send_header("Location", "/cdn/blob")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if start >= len(hub.body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        part = hub.body[start:]
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part if hub.cut_after is None else part[: hub.cut_after])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def hub(gguf: Callable[..., bytes]) -> Iterator[Hub]:
    server = Hub(gguf())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hub_store(hub: Hub, tmp_path: Path) -> ModelStore:
    settings = ModelsSettings(hf_endpoint=f"http://127.0.0.1:{hub.server_port}", hf_token="secret")
    return ModelStore(tmp_path / "models", build_sources(settings))


def test_downloads_through_the_redirect(hub: Hub, hub_store: ModelStore) -> None:
    manifest = hub_store.pull(parse_reference(REFERENCE))
    assert hub_store.weights_path(manifest).read_bytes() == hub.body
    assert hub.requests[0] == ("/owner/repo/resolve/v1/tiny.gguf", None, "Bearer secret")


def test_resumes_where_the_connection_was_cut(hub: Hub, hub_store: ModelStore) -> None:
    hub.cut_after = 100
    with pytest.raises(UnavailableError):
        hub_store.pull(parse_reference(REFERENCE))
    hub.cut_after = None
    manifest = hub_store.pull(parse_reference(REFERENCE))
    assert hub.requests[-1][1] == "bytes=100-"
    assert hub_store.weights_path(manifest).read_bytes() == hub.body


def test_the_hubs_digest_is_checked(hub: Hub, hub_store: ModelStore) -> None:
    hub.linked_digest = "0" * 64
    with pytest.raises(IntegrityError):
        hub_store.pull(parse_reference(REFERENCE))
    assert hub_store.list() == []


def test_gated_file_names_the_token(hub: Hub, hub_store: ModelStore) -> None:
    hub.status = 403
    with pytest.raises(UnavailableError, match="KANAME_MODELS_HF_TOKEN"):
        hub_store.pull(parse_reference(REFERENCE))


def test_offline_is_an_honest_error(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, build_sources(ModelsSettings(hf_endpoint="http://127.0.0.1:1")))
    with pytest.raises(UnavailableError) as caught:
        store.pull(parse_reference(REFERENCE))
    assert caught.value.code == "download_failed"
    assert "file:PATH" in caught.value.hint


def test_a_locator_must_name_a_file(hub_store: ModelStore) -> None:
    with pytest.raises(InvalidInputError):
        hub_store.pull(parse_reference("hf:owner/repo", name="x"))
