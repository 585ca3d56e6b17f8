"""A provider for batches: echoes the last message, counts, and can answer a number of requests and then none."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class BatchUpstream:
    """Serves from a thread."""

    def __init__(self) -> None:
        self.count = 0
        self._left: float = float("inf")
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None) -> None:
        self.open_to_all()
        self._server.shutdown()
        self._server.server_close()

    def close_after(self, n: int) -> None:
        """Answers `n` more requests, and lets further ones wait."""
        with self._changed:
            self._left = n

    def open_to_all(self) -> None:
        """Answers everything, also what waits."""
        with self._changed:
            self._left = float("inf")
            self._changed.notify_all()

    def admit(self) -> None:
        """Waits for its turn."""
        with self._changed:
            self.count += 1
            self._changed.wait_for(lambda: self._left > 0)
            self._left -= 1


def _handler(upstream: BatchUpstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
            upstream.admit()
            message = {"role": "assistant", "content": f"echo {body['messages'][-1]['content']}"}
            answer = {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1764000000, "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
            }  # fmt: skip
            sent = json.dumps(answer, ensure_ascii=False, indent=1).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler
