"""Errors in the OpenAI shape: `{"error": {"message", "type", "param", "code"}}`, all four keys always present.

The shape follows the surface that was called, whatever the upstream said. Status, `type` and `code` follow OpenAI's
so that the official SDKs raise the right exception and retry the right ones; `x-should-retry: false` stops them where
a repeat can't help. Source: the SDK's `_exceptions.py` and `_base_client.py`.
"""

import math
from typing import NamedTuple, Protocol

import orjson

from kaname.gateway.limits.left import BudgetReachedError, Left, RateReachedError
from kaname.kernel.errors import (
    KanameError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitedError,
    TooLargeError,
    UnauthenticatedError,
)

Headers = list[tuple[bytes, bytes]]

_TYPES = {402: "insufficient_quota", 429: "requests", 502: "upstream_error", 504: "upstream_error"}
_CODES: tuple[tuple[type[KanameError], str], ...] = (
    (UnauthenticatedError, "invalid_api_key"),
    (QuotaExceededError, "insufficient_quota"),
    (RateLimitedError, "rate_limit_exceeded"),
    (TooLargeError, "request_too_large"),
)
_KERNEL_DEFAULTS = frozenset({"invalid_input", "unauthenticated", "quota_exceeded", "rate_limited", "too_large"})
_NOT_RETRYABLE = frozenset(
    {
        "upstream_credentials_exhausted", "upstream_private_address", "insufficient_quota", "request_over_limit",
        "max_cost_exceeded",
    }
)  # fmt: skip


class ErrorReply(Protocol):
    """An error as the client gets it: ours (`WireError`), or an upstream's own."""

    @property
    def status(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def code(self) -> str | None: ...
    @property
    def message(self) -> str: ...
    @property
    def headers(self) -> Headers: ...

    def body(self) -> bytes:
        """The JSON document."""
        ...


class WireError(NamedTuple):
    """An error as the client sees it."""

    status: int
    type: str
    code: str | None
    message: str
    param: str | None
    headers: Headers

    def body(self) -> bytes:
        """The JSON document, also the data of a stream's error event."""
        return orjson.dumps({"error": self.fields()})

    def fields(self) -> dict[str, str | None]:
        """The four keys."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}


def to_wire(error: KanameError) -> WireError:
    """Renders an error of ours."""
    message = f"{error.message}. {error.hint}" if error.hint else error.message
    headers: Headers = []
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_s))))
    if isinstance(error, (RateReachedError, BudgetReachedError)):
        headers += (header for left in error.left for header in _left_headers(left))
    if (limited_by := error.params.get("limited_by")) is not None:
        headers.append((b"x-kaname-limited-by", str(limited_by).encode("ascii", "replace")))
    code = _code_of(error)
    if code in _NOT_RETRYABLE:
        headers.append((b"x-should-retry", b"false"))
    kind = "tokens" if error.status == 429 and error.param == "tokens" else _type_of(error.status)
    return WireError(error.status, kind, code, message, error.param, headers)


def internal_error() -> WireError:
    """For defects of ours; the cause is in the log, not in the answer."""
    return WireError(500, "server_error", "internal_error", "The gateway failed; the cause is in its log", None, [])


def model_not_allowed(name: str) -> PermissionDeniedError:
    """The key exists but may not use this model."""
    return PermissionDeniedError(f"this key may not use model {name!r}", code="model_not_allowed", param="model")


def model_not_found(name: str, near: list[str]) -> NotFoundError:
    """No alias, local model or provider of this name; `near` are similar ones."""
    known = f"Did you mean {', '.join(map(repr, near))}?" if near else "`GET /v1/models` lists the models."
    return NotFoundError(f"the model {name!r} doesn't exist", hint=known, code="model_not_found", param="model")


def join_lines(headers: Headers) -> bytes:
    """Header lines, each with its line end."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def _left_headers(left: Left) -> Headers:
    kind = left.kind.encode()
    headers: Headers = [
        (b"x-ratelimit-limit-%b" % kind, left.limit.encode()),
        (b"x-ratelimit-remaining-%b" % kind, left.remaining.encode()),
    ]
    if left.reset_s is not None:
        headers.append((b"x-ratelimit-reset-%b" % kind, b"%dms" % (left.reset_s * 1000)))
    return headers


def _type_of(status: int) -> str:
    if status in _TYPES:
        return _TYPES[status]
    return "server_error" if status >= 500 else "invalid_request_error"


def _code_of(error: KanameError) -> str | None:
    if error.code not in _KERNEL_DEFAULTS:
        return error.code
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return None
