"""`MistralCodec`: the hub ⇄ Mistral's chat completions.

Mistral refuses fields that it doesn't know, calls `seed` something else, wants ids of tool calls to be nine letters or
digits, and answers with content in chunks when it reasons. It counts usage in streams without being asked.
Source: https://docs.mistral.ai/api.
"""

import hashlib
import re
from typing import Final, cast

from kaname.gateway.dialects.chat.building import call_id
from kaname.gateway.dialects.chat.decoder import ChatDecoder
from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import (
    Losses,
    a_list,
    a_text,
    an_object,
    object_in,
    objects_in,
    text_in,
    unsupported,
    upstream_json,
)
from kaname.gateway.dialects.unsaid import lose_rest
from kaname.kernel.errors import UpstreamError

_WHO: Final = "Mistral"
_CHAT: Final = ChatCodec(max_tokens_field="max_tokens", extensions=frozenset({"top_k"}))
_ID: Final = re.compile(r"[A-Za-z0-9]{9}")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SENT: Final = frozenset(
    {
        "frequency_penalty", "logprobs", "max_tokens", "messages", "model", "n", "parallel_tool_calls", "prediction",
        "presence_penalty", "prompt_cache_key", "random_seed", "reasoning_effort", "repetition_penalty",
        "response_format", "service_tier", "stop", "stream", "temperature", "tool_choice", "tools", "top_k",
        "top_logprobs", "top_p",
    }
)  # fmt: skip
_SHARED: Final = frozenset({"role", "content", "tool_calls", "tool_call_id", "name", "prefix"})
_NO_ID: Final = "null"
_PARTS: Final = frozenset({"text", "image_url"})


class MistralCodec:
    """See `ProviderCodec`. Stateless."""

    def encode_request(self, chat: Document, model: str, *, stream: bool, strict: bool) -> Encoded:
        """See `ProviderCodec`."""
        losses = Losses(strict=strict)
        for name in ("audio", "functions", "function_call", "web_search_options"):
            if chat.get(name):
                raise unsupported(name, f"{_WHO} has nothing like it")
        said = _CHAT.encode_request(chat, model, stream=stream, strict=strict)
        losses.warnings += said.warnings
        request = said.document
        if request.get("seed") is not None:
            request["random_seed"] = request.pop("seed")
        request["messages"] = [
            _message(cast("Document", message), f"messages[{i}]")
            for i, message in enumerate(cast("list[object]", request["messages"]))
        ]
        lose_rest(request, _SENT | {"seed"}, losses, _WHO)
        sent = {name: value for name, value in request.items() if name in _SENT and value is not None}
        return Encoded(sent, losses.warnings)

    def decode_response(self, document: Document) -> Document:
        """See `ProviderCodec`."""
        answer = _CHAT.decode_response(document)
        choices = [_choice(choice, "message", text_in(answer, "id")) for choice in objects_in(answer, "choices")]
        return {**answer, "choices": choices}

    def stream_decoder(self) -> "MistralDecoder":
        """See `ProviderCodec`."""
        return MistralDecoder()


class MistralDecoder(ChatDecoder):
    """See `StreamDecoder`."""

    __slots__ = ()

    def feed(self, event: str, data: bytes) -> list[Document]:
        """See `StreamDecoder`."""
        chunks = super().feed(event, data)
        return [
            {
                **chunk,
                "choices": [_choice(choice, "delta", text_in(chunk, "id")) for choice in objects_in(chunk, "choices")],
            }
            for chunk in chunks
        ]


def short_id(call_id: str) -> str:
    """An id that Mistral takes; the same for the same id."""
    if _ID.fullmatch(call_id):
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode()).digest()[:8])
    digits: list[str] = []
    for _ in range(9):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)


def _message(message: Document, path: str) -> Document:
    said = {key: value for key, value in message.items() if key in _SHARED and value is not None}
    if said.get("role") == "developer":
        said["role"] = "system"
    if message.get("refusal") and not said.get("content"):
        said["content"] = a_text(message["refusal"], f"{path}.refusal")
    if isinstance(said.get("content"), list):
        for i, item in enumerate(cast("list[object]", said["content"])):
            kind = an_object(item, f"{path}.content[{i}]").get("type")
            if not isinstance(kind, str) or kind not in _PARTS:
                raise unsupported(f"{path}.content[{i}].type", f"{_WHO} takes text and images in chat")
    if "tool_call_id" in said:
        said["tool_call_id"] = short_id(a_text(said["tool_call_id"], f"{path}.tool_call_id"))
    if "tool_calls" in said:
        calls: list[Document] = []
        for j, item in enumerate(a_list(said["tool_calls"], f"{path}.tool_calls")):
            call = an_object(item, f"{path}.tool_calls[{j}]")
            call_id = short_id(a_text(call.get("id"), f"{path}.tool_calls[{j}].id"))
            calls.append({"id": call_id, "type": "function", "function": call.get("function")})
        said["tool_calls"] = calls
    return said


def _choice(choice: Document, where: str, answer_id: str) -> Document:
    """A choice whose content may come in chunks, and whose reasons and calls have a shape of their own."""
    reason = choice.get("finish_reason")
    if reason == "error":
        raise UpstreamError("the upstream failed: it ended with an error")
    if reason == "model_length":
        choice = {**choice, "finish_reason": "length"}
    said = object_in(choice, where)
    if isinstance(said.get("tool_calls"), list):
        calls = [_call(call, i, answer_id) for i, call in enumerate(objects_in(said, "tool_calls"))]
        said = {**said, "tool_calls": calls}
        choice = {**choice, where: said}
    if not isinstance(said.get("content"), list):
        return choice
    text = "".join(text_in(chunk, "text") for chunk in objects_in(said, "content") if chunk.get("type") == "text")
    reasoning = "".join(
        text_in(part, "text")
        for chunk in objects_in(said, "content")
        if chunk.get("type") == "thinking"
        for part in objects_in(chunk, "thinking")
    )
    said = {**said, "content": text}
    if reasoning:
        said["reasoning_content"] = reasoning
    return {**choice, where: said}


def _call(call: Document, position: int, answer_id: str) -> Document:
    """A call as OpenAI writes it: Mistral may leave its type out, say "null" for no id, and give arguments as JSON."""
    function = object_in(call, "function")
    if not isinstance(function.get("arguments"), (str, type(None))):
        function = {**function, "arguments": upstream_json(function["arguments"])}
    index = call.get("index")
    index = index if isinstance(index, int) else position
    known = text_in(call, "id")
    said = {**call, "index": index, "type": "function", "function": function}
    if function.get("name") and known in ("", _NO_ID):
        said["id"] = call_id(answer_id, index)
    return said
