"""`POST /v1/feedback`: what somebody thought of an answer, by the id that came with it.

    {"request_id": "req_…", "name": "thumbs_up", "value": true}

The target is a `request_id` (header `x-request-id`, or `request-id` on Anthropic's surface), a `trace_id` with or
without a `span_id`, or a `session_id`; what it names needn't be visible yet. The verdict is a `value`, a `label`, a
`text` or a `correction`. With an `idempotency_key` sending it twice changes nothing. Durable when answered.
"""

import hashlib
import re
from typing import Literal, NamedTuple

import msgspec

from kaname.gateway.openai_errors import Headers
from kaname.kernel.errors import InvalidInputError

FEEDBACK_PATH = "/v1/feedback"
FEEDBACK_WRITE = "scores:write"
MAX_FEEDBACK_BYTES = 1 << 20
CORS_HEADERS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-allow-methods", b"POST"),
]
_REQUEST_ID = re.compile(r"req_([0-9a-f]{32})([0-9a-f]{16})")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


class FeedbackTarget(NamedTuple):
    """What a verdict is about."""

    trace_id: str = ""
    span_id: str = ""
    session_id: str = ""


class Feedback(NamedTuple):
    """A checked verdict."""

    target: FeedbackTarget
    name: str
    data_type: Literal["boolean", "numeric", "categorical", "text", "correction"]
    value: float | None
    label: str
    text: str
    explanation: str
    id: str
    """"" for a new one."""


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    request_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    session_id: str = ""
    value: bool | float | None = None
    label: str | None = None
    text: str | None = None
    correction: str | None = None
    explanation: str = ""
    idempotency_key: str = ""


_DECODER = msgspec.json.Decoder(_Body)


def request_id_of(trace_id: str, span_id: str) -> str:
    """The id that a call is answered with: whoever has it can find the span, and give feedback on it."""
    return f"req_{trace_id}{span_id}"


def read_feedback(body: bytes, project_id: str) -> Feedback:
    """Checks a body; raises InvalidInputError with `param`."""
    try:
        given = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise InvalidInputError(f"the feedback can't be read: {e}", hint="Send a JSON object.", param="body") from e
    if not 0 < len(given.name) <= 200:
        raise _wrong("name", given.name, "a name of 1 to 200 characters")
    verdicts = [given.value, given.label, given.text, given.correction]
    if sum(verdict is not None for verdict in verdicts) != 1:
        raise InvalidInputError(
            "feedback is one of `value`, `label`, `text` and `correction`", hint="Send exactly one.", param="value"
        )
    score_id = ""
    if given.idempotency_key:
        digest = hashlib.sha256(f"{project_id}\0{given.name}\0{given.idempotency_key}".encode()).hexdigest()
        score_id = f"scr_{digest[:32]}"
    value = given.value
    return Feedback(
        target=_target(given),
        name=given.name,
        data_type=(
            "boolean" if isinstance(value, bool)
            else "numeric" if value is not None
            else "categorical" if given.label is not None
            else "text" if given.text is not None
            else "correction"
        ),
        value=None if value is None else float(value),
        label=given.label or "",
        text=given.text or given.correction or "",
        explanation=given.explanation[:20_000],
        id=score_id,
    )  # fmt: skip


def _target(given: _Body) -> FeedbackTarget:
    named = [name for name in ("request_id", "trace_id", "session_id") if getattr(given, name)]
    if len(named) != 1:
        raise InvalidInputError(
            "feedback needs one of `request_id`, `trace_id` and `session_id`",
            hint="`request_id` is the value of the answer's header x-request-id.", param="request_id",
        )  # fmt: skip
    if given.request_id:
        match = _REQUEST_ID.fullmatch(given.request_id)
        if match is None:
            raise _wrong("request_id", given.request_id, "the id of an answer of this gateway")
        return FeedbackTarget(match[1], match[2])
    if given.trace_id:
        if not _TRACE_ID.fullmatch(given.trace_id):
            raise _wrong("trace_id", given.trace_id, "32 hexadecimal digits")
        if given.span_id and not _SPAN_ID.fullmatch(given.span_id):
            raise _wrong("span_id", given.span_id, "16 hexadecimal digits")
        return FeedbackTarget(given.trace_id, given.span_id)
    if len(given.session_id) > 1000:
        raise _wrong("session_id", given.session_id, "at most 1,000 characters")
    return FeedbackTarget(session_id=given.session_id)


def _wrong(param: str, value: str, expected: str) -> InvalidInputError:
    return InvalidInputError(
        f"`{param}` is {value[:80]!r}, not {expected}", hint="See docs/en/gateway.md.", param=param
    )
