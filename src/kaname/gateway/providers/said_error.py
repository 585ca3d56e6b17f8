"""Errors that providers say in words of their own, in OpenAI's: so that clients, retries and fallbacks understand them.

That a request is too long is said in prose by most; the code that it gets here is what sends it to a longer model.
"""

import re
from typing import Final, NamedTuple, cast

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import objects_in, text_in

INVALID_KEY: Final = "invalid_api_key"
_TOO_LONG: Final = re.compile(
    r"context length|context window|too many (?:input )?tokens|input is too long|prompt is too long"
    r"|exceeds the maximum (?:number of )?(?:input )?tokens|maximum number of tokens|too large for model",
    re.IGNORECASE,
)


class SaidError(NamedTuple):
    """A provider's error."""

    status: int
    """What it amounts to: 401 when the credential is at fault, whatever status it came with."""
    error: Document
    """`message, type, param, code` as OpenAI has them."""
    retry_after_s: float | None = None
    """When the body, and not a header, says it."""


def openai_error(status: int, message: str, code: str | None = None, param: str | None = None) -> Document:
    """An error object in OpenAI's words."""
    if code is None and status in (400, 413, 422) and _TOO_LONG.search(message):
        code = "context_length_exceeded"
    kind = "invalid_request_error" if status < 500 else "upstream_error"
    if status == 429:
        kind, code = "requests", code or "rate_limit_exceeded"
    return {"message": message, "type": kind, "param": param, "code": code}


def flat_error(status: int, document: Document) -> SaidError | None:
    """An error whose message stands at the top: `{"message"}`, `{"Message"}`, `{"error": "…"}`, or a validator's
    `{"detail"}`."""
    names = ("message", "Message", "detail", "error")
    message = next((text for name in names if (text := text_in(document, name))), "")
    code, param = document.get("code"), text_in(document, "param") or None
    if not message and (details := objects_in(document, "detail") or _nested(document)):
        message = "; ".join(text_in(detail, "msg") for detail in details)
        where = details[0].get("loc")
        if isinstance(where, list):
            param = ".".join(str(step) for step in cast("list[object]", where) if step != "body") or None
    if not message:
        return None
    return SaidError(status, openai_error(status, message, code if isinstance(code, str) and code else None, param))


def _nested(document: Document) -> list[Document]:
    message = document.get("message")
    return objects_in(cast("Document", message), "detail") if isinstance(message, dict) else []
