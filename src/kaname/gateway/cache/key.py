"""The identity of a request: everything on which its answer depends, as one SHA-256.

Left out of the body: how the answer is delivered (`stream`, `stream_options`), who asks (`user`, `metadata`,
`safety_identifier`) and what the provider does with it afterwards (`store`). Put in: project, scope, surface, route and
its version, and the step and arm of the route that the call was given, because these can choose another model.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple, cast

import orjson

from kaname.gateway.cache.model import Digest, Key
from kaname.gateway.model import Surface

Document = dict[str, object]

_LEFT_OUT = ("stream", "stream_options", "user", "metadata", "store", "safety_identifier")
_VERSIONS = (b"anthropic-version", b"anthropic-beta")
MAX_TURNS = 3
MAX_QUESTION_CHARS = 8000
MIN_QUESTION_CHARS = 3


class Question(NamedTuple):
    """A request that a similar one's answer may serve: its last user turn, and a digest of all the rest."""

    text: str
    rest: Digest


def frame_of(*parts: str) -> bytes:
    """What an answer depends on besides the body; the parts can't run into each other."""
    return b"".join(b"%d:%b" % (len(encoded), encoded) for encoded in (part.encode() for part in parts))


def request_key(frame: bytes, surface: Surface, document: Document, headers: Mapping[bytes, bytes]) -> Key | None:
    """The key of a request; None when its body is nested too deeply to be written in canonical form."""
    canonical = _canonical({name: value for name, value in document.items() if name not in _LEFT_OUT})
    if canonical is None:
        return None
    digest = sha256(frame)
    digest.update(surface.encode())
    digest.update(versions_of(surface, headers))
    digest.update(b"\0")
    digest.update(canonical)
    return digest.digest()


def versions_of(surface: Surface, headers: Mapping[bytes, bytes]) -> bytes:
    """The headers that choose what a surface's answers look like."""
    if surface != "messages":
        return b""
    return b"".join(b"\0" + headers.get(name, b"") for name in _VERSIONS)


def question_of(surface: Surface, document: Document) -> Question | None:
    """The question of a short conversation; None when similar words don't make a similar request.

    That is so with more than `MAX_TURNS` messages besides the system's, with images or tool results in the last turn,
    and on surfaces without turns.
    """
    if surface == "responses":
        turns: object = document.get("input")
        if isinstance(turns, str):
            return _question(turns, {**document, "input": None})
        name = "input"
    elif surface in ("chat_completions", "messages"):
        turns, name = document.get("messages"), "messages"
    else:
        return None
    if not isinstance(turns, list):
        return None
    messages = [cast("Document", m) for m in cast("list[object]", turns) if isinstance(m, dict)]
    spoken = sum(m.get("role") not in _INSTRUCTIONS for m in messages)
    if len(messages) != len(cast("list[object]", turns)) or not 0 < spoken <= MAX_TURNS:
        return None
    last = messages[-1]
    if last.get("role") != "user":
        return None
    text = _text_of(last.get("content"))
    if text is None:
        return None
    return _question(text, {**document, name: [*messages[:-1], {**last, "content": None}]})


_INSTRUCTIONS = ("system", "developer")


def _question(text: str, rest: Document) -> Question | None:
    text = " ".join(text.split())
    if not MIN_QUESTION_CHARS <= len(text) <= MAX_QUESTION_CHARS:
        return None
    canonical = _canonical({name: value for name, value in rest.items() if name not in _LEFT_OUT})
    return Question(text, sha256(canonical).digest()) if canonical is not None else None


def _text_of(content: object) -> str | None:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts: list[str] = []
    for item in cast("list[object]", content):
        part = cast("Document", item) if isinstance(item, dict) else {}
        text = part.get("text")
        if part.get("type") not in ("text", "input_text") or not isinstance(text, str):
            return None
        parts.append(text)
    return "\n".join(parts)


def _canonical(document: Document) -> bytes | None:
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # it reads deeper nesting than it writes
        return None
