"""`ChatCodec`: the hub → upstreams that speak chat completions, when the client speaks something else.

The hub's additions (`thinking_blocks`, `reasoning_content`, cache markers) are taken out, since OpenAI refuses fields
that it doesn't know. Servers that aren't OpenAI often know `max_tokens` only, and `top_k` or reasoning: see the fields.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from kaname.gateway.dialects.chat.decoder import ChatDecoder
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import Losses, a_list, an_object, objects_in, text_in, unusable
from kaname.kernel.errors import UpstreamError

_CANT_REASON: Final = re.compile(r"(?:^|/)(?:gpt-3\.5|gpt-4|chatgpt-4)")
_HUB_ONLY: Final = ("thinking_blocks", "cache_control")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCodec:
    """See `ProviderCodec`."""

    max_tokens_field: str = "max_completion_tokens"
    """What the upstream calls the limit of the answer."""
    keeps_reasoning: bool = False
    """Whether earlier `reasoning_content` is sent back, as some open models want."""
    extensions: frozenset[str] = frozenset()
    """Parameters beyond OpenAI's that the upstream takes, such as `top_k`."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        losses = Losses(strict=strict)
        request = {key: value for key, value in chat.items() if key not in _HUB_ONLY}
        request["model"] = model
        messages = a_list(chat.get("messages"), "messages")
        request["messages"] = [self._message(an_object(item, f"messages[{i}]")) for i, item in enumerate(messages)]
        if isinstance(chat.get("tools"), list):
            request["tools"] = _without_markers(cast("list[object]", chat["tools"]))
        if "max_completion_tokens" in request:
            request[self.max_tokens_field] = request.pop("max_completion_tokens")
        for name in ("top_k", "thinking"):
            if name in request and name not in self.extensions:
                del request[name]
                losses.lose(name, "OpenAI's format has nothing like it")
        if "reasoning_effort" in request and _CANT_REASON.search(model):
            del request["reasoning_effort"]
            losses.lose("reasoning_effort", "this model doesn't reason")
        request.pop("stream", None)
        request.pop("stream_options", None)
        if stream:
            request["stream"] = True
            request["stream_options"] = {"include_usage": True}
        return Encoded(request, losses.warnings)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        if document.get("error"):
            raise UpstreamError(f"the upstream failed: {_said(document['error'])}")
        if not objects_in(document, "choices"):
            raise unusable("it has no choices")
        return document

    def stream_decoder(self) -> ChatDecoder:
        """See `ProviderCodec`."""
        return ChatDecoder()

    def _message(self, message: Document) -> Document:
        content = message.get("content")
        dropped = _HUB_ONLY if self.keeps_reasoning else (*_HUB_ONLY, "reasoning_content")
        if not isinstance(content, list) and not any(key in message for key in dropped):
            return message
        kept = {key: value for key, value in message.items() if key not in dropped}
        if isinstance(content, list):
            kept["content"] = _without_markers(cast("list[object]", content))
        return kept


def _without_markers(items: Iterable[object]) -> list[object]:
    return [
        {key: value for key, value in cast("Document", item).items() if key != "cache_control"}
        if isinstance(item, dict) and "cache_control" in item
        else item
        for item in items
    ]


def _said(error: object) -> str:
    if isinstance(error, dict):
        return (text_in(cast("Document", error), "message") or "no reason given")[:2000]
    return str(error)[:2000]
