"""Sends the gateway's own spans to another OpenTelemetry backend: OTLP, protobuf over HTTP, in batches.

Runs in the worker, beside the store and never before it: the queue is bounded, what finds it full is dropped and
counted, and a backend that is away for long costs spans there and nothing here. Only spans of calls through this
installation's gateways are sent, so that backends which send to each other don't do so forever.
Content (messages, answers, tools) leaves the installation only where the setting says so.
Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import gzip
import logging
import random
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import urllib3

from kaname.gateway.limits.costs import usage_buckets
from kaname.kernel.border import survive
from kaname.kernel.errors import ConfigurationError
from kaname.traces.model import Attributes, RawSpan
from kaname.traces.otlp.encode import encode_traces

logger = logging.getLogger(__name__)

MAX_QUEUE = 20_000
MAX_BATCH = 512
GATHER_S = 1.0
MAX_ATTEMPTS = 12
_BACKOFF_S, _LONGEST_S = 1.0, 30.0
_TIMEOUT_S = 10.0
_LAST_S = 3.0
_PATH = "/v1/traces"
_RETRYABLE = frozenset({429, 502, 503, 504})
_CONTENT = frozenset(
    {
        "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
        "kaname.gateway.input", "kaname.gateway.output",
    }
)  # fmt: skip


class ExportCount(NamedTuple):
    """What happened since the last look."""

    sent: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTarget:
    """Where spans go."""

    url: str
    headers: Mapping[str, str]
    content: bool = False

    @classmethod
    def parse(cls, endpoint: str, headers: str, *, content: bool) -> "ExportTarget":
        """From settings: a base URL, and `name=value` pairs with commas between; raises ConfigurationError."""
        if not endpoint.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"setting gateway.otlp_endpoint = {endpoint!r} isn't a URL", hint="Use http://collector:4318."
            )
        base = endpoint.rstrip("/")
        pairs: dict[str, str] = {}
        for number, part in enumerate(filter(None, (p.strip() for p in headers.split(","))), 1):
            name, equals, value = part.partition("=")
            if not equals or not name.strip():
                raise ConfigurationError(
                    f"setting gateway.otlp_headers: pair {number} isn't name=value", hint="Use name=value,name=value."
                )
            pairs[name.strip().lower()] = value.strip()
        return cls(url=base if base.endswith(_PATH) else base + _PATH, headers=pairs, content=content)


class OtlpExporter:
    """A queue and the thread that empties it. `offer` from one thread; never waits and never raises."""

    def __init__(self, target: ExportTarget, *, gather_s: float = GATHER_S, backoff_s: float = _BACKOFF_S) -> None:
        self._target = target
        self._gather_s = gather_s
        self._backoff_s = backoff_s
        self._queue: deque[RawSpan] = deque()
        self._sent = self._dropped = 0
        self._seen = ExportCount(0, 0)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = urllib3.PoolManager(num_pools=1, maxsize=1, retries=False, timeout=_TIMEOUT_S)
        self._thread = threading.Thread(target=self._run, name="otlp-export", daemon=True)
        self._failing = False

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def offer(self, spans: Sequence[RawSpan]) -> None:
        """Takes spans to send, as many as there is room for."""
        room = max(MAX_QUEUE - len(self._queue), 0)
        self._queue.extend(spans[:room])
        with self._lock:
            self._dropped += max(len(spans) - room, 0)

    def take_count(self) -> ExportCount:
        """What was sent and dropped since the last call."""
        with self._lock:
            now = ExportCount(self._sent, self._dropped)
        count = ExportCount(now.sent - self._seen.sent, now.dropped - self._seen.dropped)
        self._seen = now
        return count

    def stop(self) -> None:
        """Sends what waits, for a few seconds at most."""
        self._stopping.set()
        self._thread.join(_LAST_S)

    def _run(self) -> None:
        while True:
            is_last = self._stopping.wait(self._gather_s)
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
                with survive(logger, "exporting %d spans", len(batch)) as exporting:
                    self._deliver(batch)
                if exporting.fault is not None:
                    self._count(0, len(batch))
            if is_last:
                return

    def _deliver(self, batch: list[RawSpan]) -> None:
        body = gzip.compress(encode_traces([prepare(span, content=self._target.content) for span in batch]), 1)
        wait_s = self._backoff_s
        for _ in range(MAX_ATTEMPTS):
            status, retry_after_s = self._post(body)
            if 200 <= status < 300:
                self._failing = False
                self._count(len(batch), 0)
                return
            self._warn(status)
            if status and status not in _RETRYABLE:
                break
            # Jittered, so that several installations don't come back at once.
            pause_s = max(retry_after_s, wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
            if self._stopping.wait(pause_s):
                break
            wait_s = min(wait_s * 2, _LONGEST_S)
        self._count(0, len(batch))

    def _post(self, body: bytes) -> tuple[int, float]:
        """(status, Retry-After); status 0 when there was no answer."""
        headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip", **self._target.headers}
        try:
            answer = self._http.request("POST", self._target.url, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError:
            return 0, 0.0
        after = answer.headers.get("retry-after", "")
        return answer.status, min(float(after), 300.0) if after.isdigit() else 0.0

    def _count(self, sent: int, dropped: int) -> None:
        with self._lock:
            self._sent += sent
            self._dropped += dropped

    def _warn(self, status: int) -> None:
        if not self._failing:
            why = f"status {status}" if status else "no answer"
            logger.warning("spans can't be sent to %s: %s", self._target.url, why)
        self._failing = True


def prepare(span: RawSpan, *, content: bool) -> RawSpan:
    """A gateway span in the words that every backend knows, with content or without."""
    attributes: Attributes = {k: v for k, v in span.attributes.items() if content or k not in _CONTENT}
    usage = attributes.get("kaname.gateway.usage")
    used = usage_buckets(cast("dict[str, object]", usage)) if isinstance(usage, dict) else None
    if used is not None:
        attributes["gen_ai.usage.input_tokens"] = used.input_tokens
        attributes["gen_ai.usage.output_tokens"] = used.output_tokens
    return replace(span, attributes=attributes)
