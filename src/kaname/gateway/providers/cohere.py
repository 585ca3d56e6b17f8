"""Cohere's v2 API: chat and embed by translation, rerank passed through, since the surface has its shape."""

from collections.abc import Mapping
from typing import Final

from kaname.gateway.dialects.cohere.codec import CohereCodec
from kaname.gateway.dialects.embeddings.cohere import CohereEmbeddings
from kaname.gateway.providers.model import Translation
from kaname.gateway.providers.translating import TranslatingAdapter


def _chat_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return "/chat"


def _embed_path(model: str, options: Mapping[str, str], stream: bool) -> str:
    return "/embed"


COHERE: Final = TranslatingAdapter(
    type="cohere",
    url="https://api.cohere.com/v2",
    translations={
        "chat_completions": Translation(codec=CohereCodec(), path=_chat_path),
        "embeddings": Translation(codec=CohereEmbeddings(), path=_embed_path),
    },
    native={"rerank": "/rerank"},
)
