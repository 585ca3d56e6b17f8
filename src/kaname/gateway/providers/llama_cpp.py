"""llama.cpp's own server (`llama-server`): OpenAI's formats, and rerank in Jina's shape, which Cohere's clients read.

It is meant for the machine it runs on: `allow_private: true` says that it is.
"""

from typing import Final

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.providers.model import OpenAIAdapter

LLAMA_CPP: Final = OpenAIAdapter(
    type="llama_cpp",
    url="http://127.0.0.1:8080/v1",
    surfaces=frozenset({"chat_completions", "completions", "embeddings", "rerank"}),
    chat_codec=ChatCodec(max_tokens_field="max_tokens", keeps_reasoning=True, extensions=frozenset({"top_k"})),
)
