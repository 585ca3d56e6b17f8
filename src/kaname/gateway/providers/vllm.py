"""vLLM's own server: OpenAI's formats, reasoning, `top_k`, and rerank in Cohere's shape."""

from typing import Final

from kaname.gateway.dialects.chat.upstream import ChatCodec
from kaname.gateway.providers.model import OpenAIAdapter

VLLM: Final = OpenAIAdapter(
    type="vllm",
    surfaces=frozenset({"chat_completions", "completions", "embeddings", "rerank"}),
    chat_codec=ChatCodec(max_tokens_field="max_tokens", keeps_reasoning=True, extensions=frozenset({"top_k"})),
)
