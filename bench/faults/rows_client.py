"""Rows about clients: odd bodies, slow ones, ones that leave; and limits of size and time."""

import socket
import time
from pathlib import Path

from bench.faults.case import Case, Table
from bench.faults.client import post
from bench.faults.routes import CHAT, CHAT_OVER_MESSAGES, SURFACES, to

TABLE = Table()
OK = to("ok")
CANCEL_LIMIT_S = 0.05


def raw_request(case: Case, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a POST."""
    lines = [f"POST {case.combo.path} HTTP/1.1", "host: x", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def wait_for_arrival(case: Case, route: object, count: int = 1) -> None:
    """Until the upstream has the request."""
    deadline = time.monotonic() + 5
    while len(case.arrivals(route)) < count:  # type: ignore[arg-type]
        case.expect(time.monotonic() < deadline, "the upstream never got the request")
        time.sleep(0.002)


_LEAVES = to("trickle", total_ms=8000, note="leave")


@TABLE.row("client leaves a stream", "upstream closed ≤ 50 ms", _LEAVES)
def leaves_stream(case: Case) -> None:
    body, headers = case.request(_LEAVES, stream=True, user=None)
    with socket.create_connection(("127.0.0.1", case.target.port)) as client:
        client.settimeout(5)
        client.sendall(raw_request(case, body, headers))
        received = b""
        while "語0".encode() not in received and b"\\u8a9e0" not in received:
            chunk = client.recv(65536)
            case.expect(chunk, "the stream ended by itself")
            received += chunk
        time.sleep(0.1)
    left_at = time.monotonic()
    seen = case.arrivals(_LEAVES)[-1]
    case.expect(seen.closed.wait(5), "the upstream runs on")
    case.within(time.monotonic() - left_at, CANCEL_LIMIT_S, "closed")
    if case.ours:
        record = case.find(lambda r: r.requested_model == _LEAVES.tag(case.combo))
        case.expect((record.outcome, record.error_code) == ("cancelled", "client_disconnected"), "not recorded as such")


_EARLY = to("hang", total_ms=8000, note="early")


@TABLE.row("client leaves before the first token", "attempt cancelled, reservation refunded", _EARLY)
def leaves_early(case: Case) -> None:
    body, headers = case.request(_EARLY)
    with socket.create_connection(("127.0.0.1", case.target.port)) as client:
        client.sendall(raw_request(case, body, headers))
        wait_for_arrival(case, _EARLY)
        time.sleep(0.1)
    left_at = time.monotonic()
    case.expect(case.arrivals(_EARLY)[-1].closed.wait(5), "the upstream runs on")
    case.within(time.monotonic() - left_at, CANCEL_LIMIT_S, "closed")
    if case.ours:
        record = case.find(lambda r: r.requested_model == _EARLY.tag(case.combo))
        case.expect((record.outcome, record.status) == ("cancelled", 499), "not recorded as cancelled")
        case.expect(not record.cost_nano_usd, "something was charged")


_BACKING_OFF = to("500", retries=3, base_ms=5000, total_ms=20_000, note="off")


@TABLE.row("client leaves during back-off", "no further attempt", _BACKING_OFF, only_ours=True)
def leaves_during_backoff(case: Case) -> None:
    body, headers = case.request(_BACKING_OFF)
    with socket.create_connection(("127.0.0.1", case.target.port)) as client:
        client.sendall(raw_request(case, body, headers))
        wait_for_arrival(case, _BACKING_OFF)
        time.sleep(0.05)
    record = case.find(lambda r: r.requested_model == _BACKING_OFF.tag(case.combo))
    case.expect(record.outcome == "cancelled", f"recorded as {record.outcome}")
    case.expect(len(case.arrivals(_BACKING_OFF)) == len(record.attempts), "an attempt was made afterwards")


_FLOOD = to("flood", total_ms=20_000)


@TABLE.row("slow reader", "upstream held back, memory bounded", _FLOOD)
def slow_reader(case: Case) -> None:
    body, headers = case.request(_FLOOD, stream=True)
    before_kb = _resident_kb(case.target.pid)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    client.connect(("127.0.0.1", case.target.port))
    client.settimeout(5)
    client.sendall(raw_request(case, body, headers))
    case.expect(client.recv(1000).startswith(b"HTTP/1.1 200"), "no stream")
    seen = case.arrivals(_FLOOD)[-1]
    last, still = -1, 0
    for _ in range(100):
        time.sleep(0.05)
        still, last = (still + 1, last) if seen.sent_bytes == last else (0, seen.sent_bytes)
        if still >= 8:
            break
    grown_mb = (_resident_kb(case.target.pid) - before_kb) / 1024
    client.close()
    case.saw(f"upstream held at {last / 1e6:.1f} MB, resident memory +{grown_mb:.0f} MB")
    case.expect(still >= 8 and last < 32 << 20, f"the upstream sent {last / 1e6:.0f} MB")
    case.expect(grown_mb < 64, f"memory grew by {grown_mb:.0f} MB")
    case.expect(seen.closed.wait(5), "the upstream runs on after the client left")


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@TABLE.row("body not JSON", "400 in shape", OK, combos=SURFACES)
def not_json(case: Case) -> None:
    for body in (b"", b"{", b"hello", b"[1]", b"null"):
        case.failed(case.send(body), 400, kind="invalid_request_error")


@TABLE.row("8 MB body; over the limit", "answered; 413", OK, combos=SURFACES)
def big_body(case: Case) -> None:
    body, _ = case.request(OK, padding="x" * (8 << 20))
    case.answered(case.send(body))
    if case.ours:
        body, _ = case.request(OK, padding="x" * (33 << 20))
        case.failed(case.send(body), 413, code="request_too_large", kind="request_too_large")


@TABLE.row("unknown model; no `messages`", "404 `model_not_found`; 400 `param: messages`", OK, combos=SURFACES)
def missing_things(case: Case) -> None:
    body, _ = case.request(OK, model="nobody")
    reply = case.send(body)
    case.failed(reply, 404, code="model_not_found", kind="not_found_error")
    body, _ = case.request(OK, messages=None)
    case.failed(case.send(body), 400, kind="invalid_request_error", param="messages")


_ODD: tuple[tuple[str, bytes], ...] = (
    ("invalid UTF-8", b'{"model": "MODEL", "messages": [{"role": "user", "content": "\xff\xfe"}]}'),
    ("NaN", b'{"model": "MODEL", "temperature": NaN, "messages": [{"role": "user", "content": "x"}]}'),
    ("lone surrogate", b'{"model": "MODEL", "messages": [{"role": "user", "content": "\\ud800"}]}'),
    ("repeated key", b'{"model": "MODEL", "model": "x", "messages": [{"role": "user", "content": "x"}]}'),
    ("depth 10,000", b'{"model": "MODEL", "messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    ("stream: text", b'{"model": "MODEL", "stream": "yes", "messages": [{"role": "user", "content": "x"}]}'),
    ("messages: text", b'{"model": "MODEL", "messages": "hi"}'),
    ("model: number", b'{"model": 7, "messages": [{"role": "user", "content": "x"}]}'),
)


@TABLE.row("invalid UTF-8, NaN, surrogates, repeated keys, depth, wrong types", "400 with `param`, never 500", OK)
def odd_bodies(case: Case) -> None:
    model, _ = case.target.address(OK, case.combo)
    for what, body in _ODD:
        reply = case.send(body.replace(b"MODEL", model.encode()))
        case.expect(reply.status == 400, f"{what}: {reply.status}")
        case.failed(reply, 400, kind="invalid_request_error")
        if case.combo.surface == "openai":
            case.expect(reply.error().get("param"), f"{what}: no `param`")


@TABLE.row("`n`, `logprobs`, audio to a target that can't", "400 `unsupported_parameter`, or a warning", OK,
           combos=(CHAT_OVER_MESSAGES,))  # fmt: skip
def unsupported(case: Case) -> None:
    audio = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]
    fields_sent: list[dict[str, object]] = [{"n": 2}, {"logprobs": True}, {"messages": audio}]
    for fields in fields_sent:
        reply = case.ask(OK, **fields)
        if reply.status == 200 and case.ours:
            case.expect(reply.headers.get("x-kaname-warnings"), f"{next(iter(fields))} was lost in silence")
        else:
            case.failed(reply, 400, code="unsupported_parameter", kind="invalid_request_error")


@TABLE.row("unknown path, wrong method", "404, 405 in the surface's shape", OK, combos=SURFACES)
def wrong_places(case: Case) -> None:
    _, headers = case.request(OK)
    prefix = case.combo.path
    reply = post(case.target.port, prefix + "/nothing", b"{}", headers, style=case.combo.surface)
    case.saw(reply.describe())
    case.failed(reply, 404)
    reply = post(case.target.port, prefix, b"", headers, style=case.combo.surface, method="GET")
    case.saw(reply.describe())
    case.failed(reply, 405)


@TABLE.row("wrong key", "401 in shape", OK, combos=SURFACES)
def wrong_key(case: Case) -> None:
    body, _ = case.request(OK)
    reply = case.send(body, authorization="Bearer wrong")
    case.failed(reply, 401, code="invalid_api_key", kind="authentication_error")


@TABLE.row("huge headers", "431", OK, combos=(CHAT,))
def huge_headers(case: Case) -> None:
    with socket.create_connection(("127.0.0.1", case.target.port)) as client:
        client.settimeout(5)
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        answer = b""
        try:
            for _ in range(300):
                client.sendall(b"x-filler: " + b"y" * 1000 + b"\r\n")
            answer = client.recv(4096)
        except OSError:
            answer = answer or _rest(client)
    case.saw(answer.partition(b"\r\n")[0].decode("latin-1") or "connection closed")
    case.expect(answer.startswith(b"HTTP/1.1 431"), "no 431")


def _rest(client: socket.socket) -> bytes:
    try:
        return client.recv(4096)
    except OSError:
        return b""


@TABLE.row("slow headers", "408 or closed after 10 s", OK, combos=(CHAT,), slow=True)
def slow_headers(case: Case) -> None:
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", case.target.port)) as client:
        client.settimeout(15)
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        try:
            answer = client.recv(4096)
        except TimeoutError as e:
            case.expect(False, "still open after 15 s")
            raise AssertionError from e
    first = answer.partition(b"\r\n")[0].decode("latin-1")
    case.saw(f"{first or 'closed'} after {time.monotonic() - begin:.0f} s")


_IDLE = 2000


@TABLE.row("2,000 idle connections", "others are still answered", OK, combos=(CHAT,))
def idle_connections(case: Case) -> None:
    idle = [socket.create_connection(("127.0.0.1", case.target.port)) for _ in range(_IDLE)]
    try:
        case.answered(case.ask(OK))
    finally:
        for connection in idle:
            connection.close()
