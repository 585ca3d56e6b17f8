"""`POST /v1/messages/count_tokens` for targets that don't count: an estimate without a tokenizer.

Bytes of the text / 4, or / 3 when most characters aren't ASCII; images at the most that Anthropic charges for one.
"""

from typing import cast

import orjson

from kaname.gateway.dialects.model import Document

_IMAGE_TOKENS = 1600
_PDF_BYTES_PER_TOKEN = 24
_MESSAGE_TOKENS = 4


def count_response(document: Document) -> Document:
    """The answer for a valid request."""
    return {"input_tokens": estimate_tokens(document)}


def estimate_tokens(document: Document) -> int:
    """Input tokens of a Messages request, at least 1."""
    text: list[str] = []
    attached = _collect(document.get("system"), text)
    if tools := document.get("tools"):
        text.append(orjson.dumps(tools).decode())
    messages = document.get("messages")
    if isinstance(messages, list):
        for message in cast("list[object]", messages):
            attached += _MESSAGE_TOKENS
            if isinstance(message, dict):
                attached += _collect(cast("Document", message).get("content"), text)
    joined = "".join(text)
    size = len(joined.encode(errors="replace"))
    per_token = 4 if size < len(joined) * 2 else 3
    return max(1, attached + -(-size // per_token))


def _collect(value: object, text: list[str]) -> int:
    """Gathers all text of content blocks; returns the tokens of what isn't text."""
    if isinstance(value, str):
        text.append(value)
        return 0
    if isinstance(value, list):
        return sum(_collect(item, text) for item in cast("list[object]", value))
    if not isinstance(value, dict):
        return 0
    document = cast("Document", value)
    if document.get("type") == "base64":
        if str(document.get("media_type")).startswith("image/"):
            return _IMAGE_TOKENS
        return len(str(document.get("data"))) * 3 // 4 // _PDF_BYTES_PER_TOKEN
    if document.get("type") == "url":
        return _IMAGE_TOKENS
    total = 0
    for key, item in document.items():
        if key in ("type", "cache_control", "signature", "tool_use_id", "id"):
            continue
        if key == "input":
            text.append(orjson.dumps(item).decode())
        else:
            total += _collect(item, text)
    return total
