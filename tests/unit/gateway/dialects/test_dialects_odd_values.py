"""One odd value anywhere, in a request or in an upstream's answer, is refused or read past; it is never a crash."""

from collections.abc import Callable, Iterator
from typing import cast

import orjson
import pytest

from kaname.gateway.dialects.cohere.codec import CohereCodec
from kaname.gateway.dialects.converse.codec import ConverseCodec
from kaname.gateway.dialects.gemini.codec import GeminiCodec
from kaname.gateway.dialects.mistral.codec import MistralCodec
from kaname.gateway.dialects.model import Document, ProviderCodec
from kaname.kernel.errors import InvalidInputError, UpstreamError
from unit.gateway.dialects.wire_data import DATA, cases

ODD: list[object] = [None, True, 0, -1, 2.5, "", "text", [], [None], [[]], {}, {"type": 1}, {"a": {"b": []}}]
CODECS: dict[str, ProviderCodec] = {
    "gemini": GeminiCodec(), "bedrock": ConverseCodec(), "cohere": CohereCodec(), "mistral": MistralCodec(),
}  # fmt: skip
MODELS = {
    "bedrock": ["anthropic.claude-opus-4-7", "amazon.nova-2-lite-v1:0"], "gemini": ["gemini-2.5-pro", "gemini-3-pro"],
}  # fmt: skip
HUB = [case["chat"] for name in CODECS for case in cases(f"{name}/requests.json")]


def variants(document: object) -> Iterator[object]:
    """The document with each of its values replaced by each odd one, one at a time."""
    if isinstance(document, dict):
        for key, value in document.items():
            for other in [*ODD, *variants(value)]:
                yield {**document, key: other}
    elif isinstance(document, list):
        for i, value in enumerate(document):
            for other in [*ODD, *variants(value)]:
                yield [*document[:i], other, *document[i + 1 :]]


@pytest.mark.parametrize("name", CODECS)
def test_requests(name: str) -> None:
    for model in MODELS.get(name, ["command-a-reasoning"]):
        for chat in HUB:
            for odd in variants(chat):
                try:
                    encoded = CODECS[name].encode_request(cast("Document", odd), model, stream=False, strict=False)
                except InvalidInputError:
                    continue
                orjson.dumps(encoded.document)


@pytest.mark.parametrize("name", ["gemini", "bedrock", "cohere"])
def test_answers(name: str) -> None:
    for case in cases(f"{name}/responses.json"):
        for odd in variants(case[name]):
            try:
                orjson.dumps(CODECS[name].decode_response(cast("Document", odd)))
            except UpstreamError:
                continue


def _feed(name: str) -> Callable[[str, bytes], list[Document]]:
    return CODECS[name].stream_decoder().feed


@pytest.mark.parametrize("name", CODECS)
def test_events(name: str) -> None:
    if name == "bedrock":
        events = [(kind, document) for kind, document in cast("list[tuple[str, object]]", cases("bedrock/stream.json"))]
    else:
        path = {"gemini": "gemini/tools.sse", "cohere": "cohere/tools.sse", "mistral": "mistral/reasoning.sse"}[name]
        lines = [line for line in (DATA / path).read_text().splitlines() if line.startswith("data: {")]
        events = [("", orjson.loads(line[6:])) for line in lines]
    for kind, document in events:
        for odd in variants(document):
            try:
                orjson.dumps(_feed(name)(kind, orjson.dumps(odd)))
            except UpstreamError:
                continue
