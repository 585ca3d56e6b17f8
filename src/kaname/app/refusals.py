"""What is answered to requests that never reach an app: malformed, endless or slow ones; and how the log hears of them.

Each surface's clients read their own shape of error, so the path decides, as far as one was received. A log line for
every such request would let strangers fill the disk, so they are counted: the first is named, the rest once a minute.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

import orjson

from kaname.app.root import LANGFUSE_PREFIX, OTLP_ALIAS_PREFIX, OTLP_PATHS
from kaname.gateway.openai_errors import WireError
from kaname.kernel.ids import new_id
from kaname.traces.langfuse_errors import langfuse_error
from kaname.traces.otlp.answers import CONTENT_TYPE, encode_error

REPORT_EVERY_S = 60.0


class Refusal(NamedTuple):
    """Why a request isn't served."""

    status: int
    code: str
    detail: str
    hint: str


def render_refusal(refusal: Refusal, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """(content type, body) in the words of the surface that `url`, the request's target as far as known, belongs to."""
    path = url.partition(b"?")[0].decode("latin-1")
    text = f"{refusal.detail}. {refusal.hint}"
    if path.rstrip("/") in OTLP_PATHS or path.startswith(OTLP_ALIAS_PREFIX):
        is_protobuf = any(name == b"content-type" and b"protobuf" in value.lower() for name, value in headers)
        body_format = "protobuf" if is_protobuf else "json"
        return CONTENT_TYPE[body_format], encode_error(body_format, refusal.status, text)
    if path.startswith("/v1/"):
        kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
        return b"application/json", WireError(refusal.status, kind, refusal.code, text, None, []).body()
    if path.startswith(LANGFUSE_PREFIX):
        return b"application/json", orjson.dumps(langfuse_error(refusal.status, text))
    problem = {
        "type": f"urn:kaname:error:{refusal.code}",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "hint": refusal.hint,
        "request_id": new_id("req"),
    }
    return b"application/problem+json", orjson.dumps(problem)


class RefusalLog:
    """Counts refusals of one server by code. Belongs to one event loop."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._counts: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def note(self, refusal: Refusal, loop: asyncio.AbstractEventLoop) -> None:
        """Logs the first in a while at once and gathers those that follow."""
        if self._timer is None:
            self._logger.warning("a request was refused: %s (%s)", refusal.detail, refusal.code)
            self._timer = loop.call_later(REPORT_EVERY_S, self._report, loop)
        else:
            self._counts[refusal.code] += 1

    def _report(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._counts:
            counts = ", ".join(f"{n} {code}" for code, n in self._counts.most_common())
            self._logger.warning("further requests were refused within %d s: %s", REPORT_EVERY_S, counts)
            self._counts.clear()
            self._timer = loop.call_later(REPORT_EVERY_S, self._report, loop)
