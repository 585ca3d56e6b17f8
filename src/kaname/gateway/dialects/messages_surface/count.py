"""`POST /v1/messages/count_tokens` for targets that don't count: an estimate without a tokenizer.

Bytes of the text / 4, or / 3 when most characters aren't ASCII; images at the most that Anthropic charges for one.
"""

from typing import cast

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import client_json

_IMAGE_TOKENS = 1600
_PDF_BYTES_PER_TOKEN = 24
_MESSAGE_TOKENS = 4
_WITHOUT_TOKENS = frozenset({"type", "role", "cache_control", "signature", "tool_use_id", "id"})


def count_response(document: Document) -> Document:
    """The answer for a valid request."""
    return {"input_tokens": estimate_tokens(document)}


def estimate_tokens(document: Document) -> int:
    """Input tokens of a Messages request, at least 1."""
    text: list[str] = []
    attached = 0
    if tools := document.get("tools"):
        text.append(client_json(tools, "tools"))
    waiting: list[object] = [document.get("system"), document.get("messages")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            text.append(value)
        elif isinstance(value, list):
            waiting += cast("list[object]", value)
        elif isinstance(value, dict):
            attached += _read_object(cast("Document", value), text, waiting)
    joined = "".join(text)
    size = len(joined.encode(errors="replace"))
    per_token = 4 if size < len(joined) * 2 else 3
    return max(1, attached - (-size // per_token))


def _read_object(document: Document, text: list[str], waiting: list[object]) -> int:
    """Takes the text of a message or block, and what in it is still to be read; returns the tokens of the rest."""
    kind = document.get("type")
    if kind == "base64":
        if str(document.get("media_type")).startswith("image/"):
            return _IMAGE_TOKENS
        return len(str(document.get("data"))) * 3 // 4 // _PDF_BYTES_PER_TOKEN
    if kind == "url":
        return _IMAGE_TOKENS
    for key, value in document.items():
        if key == "input":
            text.append(client_json(value, "messages"))
        elif key not in _WITHOUT_TOKENS:
            waiting.append(value)
    return _MESSAGE_TOKENS if "role" in document else 0
