"""Why an attempt failed, and what that allows: a retry, another key, another target, or nothing.

| kind | repeat | key | waits | counts against the target |
|---|---|---|---|---|
| `transient` refused, reset, 5xx, bad body | yes | same | yes | yes |
| `timeout` connect, first token | yes | same | no | yes |
| `rate_limited` 429 | yes | another first | yes | no: the key cools |
| `credentials` 401, 402, 403 | yes | another; this one is dead for the call | no | no |
| `context` too long, `content` refused by the target's filter | only their own fallbacks | – | no | no |
| `unsupported` the target can't say it | another target | – | no | no |
| `permanent` any other 4xx | no | – | – | no |

Source: docs/adr/0063-attempts.md; the cases are in docs/en/gateway-faults.md.
"""

from typing import Literal

from kaname.gateway.answer import PassedError
from kaname.gateway.openai_errors import ErrorReply, to_wire
from kaname.kernel.errors import InvalidInputError, KanameError, NotFoundError, UpstreamTimeoutError

FailureKind = Literal[
    "transient", "timeout", "rate_limited", "credentials", "context", "content", "unsupported", "permanent"
]
_CREDENTIALS = frozenset({401, 402, 403})
_CONTEXT_CODES = frozenset({"context_length_exceeded", "string_above_max_length"})
_CONTENT_CODES = frozenset({"content_filter", "content_policy_violation"})
_OVERLOADED = frozenset({"insufficient_quota"})


class AttemptFailedError(Exception):
    """One attempt that didn't lead to an answer. Never leaves the gateway."""

    def __init__(self, kind: FailureKind, reply: ErrorReply, retry_after_s: float | None = None) -> None:
        super().__init__(kind)
        self.kind: FailureKind = kind
        self.reply = reply
        self.retry_after_s = retry_after_s


def failure_of(error: KanameError) -> AttemptFailedError:
    """An error of ours that ended an attempt."""
    kind: FailureKind = "transient"
    if isinstance(error, UpstreamTimeoutError):
        kind = "timeout"
    elif isinstance(error, NotFoundError):
        kind = "transient"  # a local model that isn't installed: another target may serve the call
    elif isinstance(error, InvalidInputError):
        kind = "unsupported" if error.code == "unsupported_parameter" else "permanent"
    elif error.code == "upstream_credentials_exhausted":
        kind = "credentials"
    return AttemptFailedError(kind, to_wire(error), error.retry_after_s)


def failure_of_status(status: int, reply: ErrorReply, retry_after_s: float | None) -> AttemptFailedError:
    """An upstream's answer that isn't a 200; `reply` is what the client would get for it."""
    return AttemptFailedError(_kind_of_status(status, reply), reply, retry_after_s)


def _kind_of_status(status: int, reply: ErrorReply) -> FailureKind:
    if status in _CREDENTIALS:
        return "credentials"
    if status == 429:
        return "credentials" if reply.code in _OVERLOADED else "rate_limited"
    if status >= 500 or status < 400 or status == 408:
        return "timeout" if status == 504 else "transient"
    code = reply.code or ""
    if code in _CONTEXT_CODES:
        return "context"
    if code in _CONTENT_CODES or (isinstance(reply, PassedError) and reply.type in _CONTENT_CODES):
        return "content"
    return "permanent"
