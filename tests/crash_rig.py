"""Ingest under fire: senders that remember what was acknowledged, kills at random moments, an exact account after.

Used by the crash tests and by `bench/ingest/soak.py`. Every span has a known cost, so that a span counted twice shows
in the money even if the duplicates were hidden from the rows.
"""

import contextlib
import gzip
import http.client
import json
import os
import random
import secrets
import signal
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kaname.storage.columns import ColumnsClient, ColumnsSettings, EngineEndpoint, connect_columns
from live import LiveServer

COST = Decimal("0.000125")
_MONTH_NS = 31 * 86_400 * 10**9


@dataclass(slots=True)
class SentBatch:
    """One request and the spans in it."""

    body: bytes
    headers: dict[str, str]
    span_ids: list[str]


@dataclass(slots=True)
class Account:
    """What the senders know."""

    acknowledged: set[str] = field(default_factory=set)
    unanswered: list[SentBatch] = field(default_factory=list)
    requests: int = 0
    refused: int = 0
    repeats: int = 0


def make_batch(rng: random.Random, n_spans: int) -> SentBatch:
    """A request in a random format and encoding, now and then with spans of last month."""
    spans = []
    trace_id = secrets.token_hex(16)
    for _ in range(n_spans):
        if rng.random() < 0.2:
            trace_id = secrets.token_hex(16)
        start = time.time_ns() - rng.randrange(90 * 10**9) - (_MONTH_NS if rng.random() < 0.05 else 0)
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.usage.cost": float(COST),
            "gen_ai.input.messages": json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": secrets.token_hex(rng.randrange(20, 600))}]}]
            ),
        }
        spans.append((trace_id, secrets.token_hex(8), start, attributes))
    if rng.random() < 0.5:
        body, content_type = _as_json(spans), "application/json"
    else:
        body, content_type = _as_protobuf(spans), "application/x-protobuf"
    headers = {"content-type": content_type}
    if rng.random() < 0.5:
        body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
    return SentBatch(body, headers, [span_id for _, span_id, _, _ in spans])


def _as_json(spans: list) -> bytes:
    items = [
        {
            "traceId": trace_id,
            "spanId": span_id,
            "name": "chat",
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + 10**7),
            "attributes": [
                {"key": k, "value": {"stringValue": v} if isinstance(v, str) else {"doubleValue": v}}
                for k, v in attributes.items()
            ],
        }
        for trace_id, span_id, start, attributes in spans
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": items}]}]}).encode()


def _as_protobuf(spans: list) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for trace_id, span_id, start, attributes in spans:
        span = scope.spans.add()
        span.trace_id, span.span_id, span.name = bytes.fromhex(trace_id), bytes.fromhex(span_id), "chat"
        span.start_time_unix_nano, span.end_time_unix_nano = start, start + 10**7
        for key, value in attributes.items():
            pair = span.attributes.add()
            pair.key = key
            if isinstance(value, str):
                pair.value.string_value = value
            else:
                pair.value.double_value = value
    return request.SerializeToString()


class Sender(threading.Thread):
    """Sends batches one after another until told to stop; repeats unanswered ones and some answered ones."""

    def __init__(self, server: LiveServer, seed: int, n_spans: int, pause_s: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.account = Account()
        self._server = server
        self._rng = random.Random(seed)
        self._n_spans = n_spans
        self._pause_s = pause_s
        self._stop_sending = threading.Event()

    def run(self) -> None:
        while not self._stop_sending.is_set():
            self._one()
            if self._pause_s:
                time.sleep(self._rng.random() * self._pause_s)

    def finish(self) -> None:
        """Stops, and sends again until everything is acknowledged."""
        self._stop_sending.set()
        self.join()
        deadline = time.monotonic() + 90
        while self.account.unanswered and time.monotonic() < deadline:
            self._send(self.account.unanswered.pop())
        assert not self.account.unanswered, "the server doesn't take batches any more"

    def _one(self) -> None:
        account = self.account
        if account.unanswered and self._rng.random() < 0.5:
            self._send(account.unanswered.pop(0))
            return
        batch = make_batch(self._rng, self._n_spans)
        self._send(batch)
        if self._rng.random() < 0.2:
            account.repeats += 1
            self._send(batch)

    def _send(self, batch: SentBatch) -> None:
        account = self.account
        account.requests += 1
        parts = urlsplit(self._server.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            headers = {**batch.headers, "authorization": f"Bearer {self._server.secret_key}"}
            connection.request("POST", "/v1/traces", batch.body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                account.acknowledged.update(batch.span_ids)
                return
            assert answer.status in (429, 503), answer.status
            account.refused += 1
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        if batch not in account.unanswered:
            account.unanswered.append(batch)
        time.sleep(0.05)


def child_pids(server_pid: int) -> dict[str, int]:
    """The server's children by the last part of their module: engine, worker."""
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if parent == server_pid:
                for word in words:
                    if word.startswith(b"kaname.app."):
                        found[word.decode().rpartition(".")[2]] = int(entry.name)
    return found


def kill(server: LiveServer, victims: list[str]) -> None:
    """kill -9 of the named processes: `server`, `engine`, `worker`."""
    children = child_pids(server.process.pid)
    for victim in victims:
        pid = server.process.pid if victim == "server" else children.get(victim)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if "server" in victims:
        server.process.wait()


def engine_client(server: LiveServer) -> ColumnsClient:
    """A client of the server's own engine, by what its worker was given."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, KeyError):
            pid = child_pids(server.process.pid)["worker"]
            raw = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
            endpoint = EngineEndpoint.from_environment(dict(v.split("=", 1) for v in raw if "=" in v))
            if endpoint is not None:
                return connect_columns(ColumnsSettings(restart_wait_s=60), endpoint)
        time.sleep(0.1)
    raise AssertionError("the server has no worker")


@dataclass(slots=True, kw_only=True)
class Audit:
    """The store against the senders' account."""

    acknowledged: int
    rows: int
    distinct: int
    lost: int
    cost: Decimal
    cost_expected: Decimal

    @property
    def is_exact(self) -> bool:
        """Whether nothing was lost and nothing counted twice."""
        return self.lost == 0 and self.rows == self.distinct and self.cost == self.cost_expected


def audit(server: LiveServer, acknowledged: set[str], timeout_s: float = 60.0) -> Audit:
    """Waits until the store has everything or time is up, and compares."""
    client = engine_client(server)
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            found = client.query_columns("SELECT trace_id, span_id, cost_usd FROM spans")  # one query: one moment
            span_ids = [str(s) for s in found.get("span_id", [])]
            stored = set(span_ids)
            lost = len(acknowledged - stored)
            if not lost or time.monotonic() > deadline:
                return Audit(
                    acknowledged=len(acknowledged),
                    rows=len(span_ids),
                    distinct=len(set(zip(found.get("trace_id", []), span_ids, strict=True))),
                    lost=lost,
                    cost=sum((Decimal(str(c)) for c in found.get("cost_usd", [])), Decimal()),
                    cost_expected=COST * len(stored),
                )
            time.sleep(0.2)
    finally:
        client.close()
