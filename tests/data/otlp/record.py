"""Records what real clients send: `python tests/data/otlp/record.py`. Run it when a client's major version changes.

Writes `<recording>.<n>.<path>.pb`, the decompressed OTLP bodies in order of arrival, beside this file.
"""

import gzip
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from client_calls import mock_provider, run_program  # noqa: E402

LATEST = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
EMIT = {"OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "true"}
RECORDINGS = {
    "openinference": ("openinference_client", {}),
    "otel_genai_spans": ("otel_genai_client", {**LATEST, CAPTURE: "SPAN_ONLY"}),
    "otel_genai_events": ("otel_genai_client", {**LATEST, **EMIT, CAPTURE: "EVENT_ONLY"}),
    "otel_genai_both": ("otel_genai_client", {**LATEST, **EMIT, CAPTURE: "SPAN_AND_EVENT"}),
    # Needs opentelemetry-instrumentation-openai-v2 2.3b0: run this one in an environment of its own.
    "otel_genai_legacy": ("otel_genai_client", {CAPTURE: "true"}),
    "langfuse": ("langfuse_client", {}),
}


class _Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.append((self.path, body))
        self._answer(b"" if "/v1/" in self.path else b'{"id":"x","successes":[],"errors":[]}')

    def do_GET(self) -> None:
        self._answer(b'{"data":[{"id":"p","name":"p","metadata":{},"organization":{"id":"o","name":"o"}}]}')

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json" if body else "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def record(name: str) -> None:
    program, environment = RECORDINGS[name]
    bodies: list[tuple[str, bytes]] = []
    collector = ThreadingHTTPServer(("127.0.0.1", 0), type("Collector", (_Collector,), {"bodies": bodies}))
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{collector.server_address[1]}"
    with mock_provider() as provider:
        run_program(
            program,
            {
                **environment,
                "OPENAI_BASE_URL": provider,
                "OTEL_EXPORTER_OTLP_ENDPOINT": url,
                "LANGFUSE_HOST": url,
                "LANGFUSE_BASE_URL": url,
                "LANGFUSE_PUBLIC_KEY": "kn-pk-recorded",
                "LANGFUSE_SECRET_KEY": "kn-sk-recorded",
            },
        )
    collector.shutdown()
    for old in HERE.glob(f"{name}.*"):
        old.unlink()
    for index, (path, body) in enumerate(bodies):
        kind = path.strip("/").replace("api/public/", "").replace("otel/", "").replace("/", "_")
        suffix = "json" if body[:1] in (b"{", b"[") else "pb"
        (HERE / f"{name}.{index}.{kind}.{suffix}").write_bytes(body)
        sys.stdout.write(f"{name}: {path} {len(body)} bytes\n")


if __name__ == "__main__":
    for each in sys.argv[1:] or [name for name in RECORDINGS if name != "otel_genai_legacy"]:
        record(each)
