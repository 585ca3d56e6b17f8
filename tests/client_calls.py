"""One fixed conversation with a mock OpenAI provider, made by any client program, and what must arrive of it.

The same programs (`client_programs/`) are run twice: by `data/otlp/record.py` against a collector that keeps the OTLP
requests, which the unit tests replay, and by the integration tests against a real server.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "client_programs"
MODEL = "gpt-4o-mini"
RESPONSE_MODEL = "gpt-4o-mini-2024-07-18"
SYSTEM = "You answer in one sentence."
QUESTION = "What is the weather in Tokyo? 東京の天気は?"
ARGUMENTS = {"city": "Tokyo", "unit": "celsius"}
TOOL_RESULT = '{"temperature": 21, "sky": "clear"}'
ANSWER = "It is 21 °C and clear in Tokyo. 東京は晴れです。"
CALL_ID = "call_weather_1"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Current weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
FIRST = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
TOOL_CALL = {
    "id": CALL_ID,
    "type": "function",
    "function": {"name": "get_weather", "arguments": json.dumps(ARGUMENTS)},
}
SECOND = [
    *FIRST,
    {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]},
    {"role": "tool", "tool_call_id": CALL_ID, "content": TOOL_RESULT},
]
FIRST_USAGE = {
    "prompt_tokens": 90,
    "completion_tokens": 20,
    "total_tokens": 110,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
SECOND_USAGE = {
    "prompt_tokens": 150,
    "completion_tokens": 40,
    "total_tokens": 190,
    "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 8, "audio_tokens": 0},
}

# What every client must leave behind, in canonical form.
FIRST_INPUT = [
    {"role": "system", "parts": [{"type": "text", "content": SYSTEM}]},
    {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
]
TOOL_CALL_PART = {"type": "tool_call", "id": CALL_ID, "name": "get_weather", "arguments": ARGUMENTS}
FIRST_OUTPUT = [{"role": "assistant", "parts": [TOOL_CALL_PART]}]
SECOND_INPUT = [
    *FIRST_INPUT,
    {"role": "assistant", "parts": [TOOL_CALL_PART]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": CALL_ID, "response": TOOL_RESULT}]},
]
SECOND_OUTPUT = [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}]
# gpt-4o-mini: $0.15 input, $0.075 cached input, $0.60 output per million tokens.
FIRST_COST = "0.000025500000"
SECOND_COST = "0.000041700000"


def first_answer() -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [TOOL_CALL]}
    return {
        "id": "chatcmpl-first",
        "object": "chat.completion",
        "created": 1_780_000_000,
        "model": RESPONSE_MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}],
        "usage": FIRST_USAGE,
        "system_fingerprint": "fp_mock",
    }


def second_answer() -> Iterator[bytes]:
    head = {
        "id": "chatcmpl-second",
        "object": "chat.completion.chunk",
        "created": 1_780_000_001,
        "model": RESPONSE_MODEL,
        "system_fingerprint": "fp_mock",
    }

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return b"data: " + json.dumps({**head, "choices": [choice], "usage": None}).encode() + b"\n\n"

    yield event({"role": "assistant", "content": ""})
    for word in ANSWER.split(" "):
        yield event({"content": word if word == "It" else " " + word})
    yield event({}, "stop")
    yield b"data: " + json.dumps({**head, "choices": [], "usage": SECOND_USAGE}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


class _Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body.get("stream"):
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in [*second_answer(), b""]:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            return
        answer = json.dumps(first_answer()).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def mock_provider() -> Iterator[str]:
    """A provider on a free port; yields its base URL. A plain call answers with a tool call, a stream with text."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def run_program(name: str, environment: dict[str, str]) -> None:
    """Runs a client program to its end; fails the test with its output."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "OPENAI_", "LANGFUSE_"))}
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / f"{name}.py")],
        env={**kept, "OPENAI_API_KEY": "sk-mock", "PYTHONPATH": str(Path(__file__).parent), **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]


def make_calls(client: Any) -> None:
    """The two calls of the conversation through an `openai` client."""
    client.chat.completions.create(model=MODEL, messages=FIRST, tools=TOOLS, temperature=0.2)
    stream = client.chat.completions.create(
        model=MODEL, messages=SECOND, tools=TOOLS, temperature=0.2, stream=True, stream_options={"include_usage": True}
    )
    assert "".join(c.choices[0].delta.content or "" for c in stream if c.choices) == ANSWER
