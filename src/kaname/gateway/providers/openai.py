"""OpenAI itself, and everything that speaks like it."""

from typing import Final

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.providers.model import MEDIA_SURFACES, OpenAIAdapter

OPENAI: Final = OpenAIAdapter(
    type="openai",
    url="https://api.openai.com/v1",
    surfaces=frozenset({"chat_completions", "completions", "embeddings", "responses", "moderations", *MEDIA_SURFACES}),
)
OPENAI_COMPATIBLE: Final = OpenAIAdapter(
    type="openai_compatible",
    chat_codec=ChatCodec(max_tokens_field="max_tokens", keeps_reasoning=True, extensions=frozenset({"top_k"})),
    surfaces=frozenset(
        {
            "chat_completions", "completions", "embeddings", "moderations", "rerank", *MEDIA_SURFACES,
        }
    ),
)  # fmt: skip
LOCAL: Final = OpenAIAdapter(type="local", chat_codec=OPENAI_COMPATIBLE.chat_codec)
