"""Google's errors (`google.rpc.Status`) in OpenAI's words."""

from typing import Final

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import object_in, objects_in, text_in
from kaname.gateway.providers.said_error import INVALID_KEY, SaidError, openai_error

_BAD_KEY: Final = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED"})


def google_error(status: int, document: Document) -> SaidError | None:
    """`{"error": {"code", "message", "status", "details"}}`; a bad key comes as a 400, the time to wait in the body."""
    error = object_in(document, "error")
    message = text_in(error, "message")
    if not message:
        return None
    retry_after_s: float | None = None
    for detail in objects_in(error, "details"):
        if text_in(detail, "reason") in _BAD_KEY:
            return SaidError(401, openai_error(401, message, INVALID_KEY))
        if (delay := text_in(detail, "retryDelay")).endswith("s"):
            retry_after_s = _seconds(delay[:-1])
    return SaidError(status, openai_error(status, message), retry_after_s)


def _seconds(text: str) -> float | None:
    try:
        return min(max(float(text), 0.0), 3600.0)
    except ValueError:
        return None
