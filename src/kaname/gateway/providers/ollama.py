"""Ollama, through its OpenAI-compatible paths. It doesn't rerank.

It is meant for the machine it runs on: `allow_private: true` says that it is.
"""

from typing import Final

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.providers.model import OpenAIAdapter

OLLAMA: Final = OpenAIAdapter(
    type="ollama",
    url="http://127.0.0.1:11434/v1",
    surfaces=frozenset({"chat_completions", "completions", "embeddings"}),
    chat_codec=ChatCodec(max_tokens_field="max_tokens"),
)
