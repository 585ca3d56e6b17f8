"""Mistral: chat and embeddings almost as OpenAI has them, moderations passed through."""

from collections.abc import Mapping
from typing import Final

from kaname.gateway.dialects.embeddings.mistral import MistralEmbeddings
from kaname.gateway.dialects.mistral.codec import MistralCodec
from kaname.gateway.providers.model import Translation
from kaname.gateway.providers.translating import TranslatingAdapter


def _chat_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return "/chat/completions"


def _embed_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return "/embeddings"


MISTRAL: Final = TranslatingAdapter(
    type="mistral",
    url="https://api.mistral.ai/v1",
    translations={
        "chat_completions": Translation(codec=MistralCodec(), path=_chat_path),
        "embeddings": Translation(codec=MistralEmbeddings(), path=_embed_path),
    },
    native={"moderations": "/moderations"},
)
