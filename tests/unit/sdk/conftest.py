"""A fresh SDK for every test, exporting into memory, and a small HTTP server that plays OpenAI and Kaname."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

import kaname_sdk
from kaname_sdk.faults import faults


@pytest.fixture(autouse=True)
def fresh_sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No state of another test: neither ours nor OpenTelemetry's global provider."""
    for name in ("KANAME_URL", "KANAME_SECRET_KEY", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    kaname_sdk.shutdown()
    faults.clear()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    yield
    kaname_sdk.shutdown()


class Recorded:
    """The spans that the SDK exported."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        assert kaname_sdk.flush()
        return list(self._exporter.get_finished_spans())

    def one(self, name: str | None = None) -> ReadableSpan:
        (span,) = [s for s in self.all() if name in (None, s.name)]
        return span

    def attributes(self, name: str | None = None) -> dict[str, Any]:
        return dict(self.one(name).attributes or {})


@pytest.fixture
def record() -> Callable[..., Recorded]:
    """Instruments with the given options."""

    def start(**options: Any) -> Recorded:
        exporter = InMemorySpanExporter()
        kaname_sdk.instrument(exporter=exporter, **options)
        return Recorded(exporter)

    return start


@pytest.fixture
def recorded(record: Callable[..., Recorded]) -> Recorded:
    return record()


class Upstream(http.server.ThreadingHTTPServer):
    """Answers from a table of (method, path) → (status, body) and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, path: str, *bodies: Any, status: int = 200) -> None:
        self.answers[(method, path)] = [(status, body) for body in bodies]

    def asked(self, path: str) -> list[tuple[dict[str, str], Any]]:
        return [(headers, json.loads(body or b"null")) for _, p, headers, body in self.requests if p == path]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Upstream
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        queue = self.server.answers.get((self.command, self.path)) or [(404, {"error": {"message": "no"}})]
        status, answer = queue[0] if len(queue) == 1 else queue.pop(0)
        stream = isinstance(answer, list)
        raw = (
            "".join(f"data: {json.dumps(e) if e != '[DONE]' else e}\n\n" for e in answer)
            if stream
            else json.dumps(answer)
        )
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
        self.send_header("Content-Length", str(len(raw.encode())))
        self.end_headers()
        self.wfile.write(raw.encode())

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
