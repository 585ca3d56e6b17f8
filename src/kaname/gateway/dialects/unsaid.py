"""What a hub request asks for and a provider's format has no words for: refused, lost with a warning, or ignored.

Refused is what gives the answer another shape (several choices, log probabilities, audio), so that routing can go on to
a target that can; lost is what only changes the answer. A codec says what it uses; whatever is left is dealt with here.
"""

from collections.abc import Collection
from typing import Final

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import Losses, a_count, a_list, a_text, unsupported

SHAPES_ANSWER: Final = frozenset(
    {"audio", "function_call", "functions", "logprobs", "top_logprobs", "web_search_options"}
)
SILENT: Final = frozenset(
    {
        "cache_control", "metadata", "model", "n", "modalities", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "route", "safety_identifier", "stream", "stream_options", "user",
    }
)  # fmt: skip
"""They change nothing about the answer."""
_DEFAULTS: Final[Document] = {
    "frequency_penalty": 0, "presence_penalty": 0, "repetition_penalty": 1, "verbosity": "medium", "store": False,
    "parallel_tool_calls": True, "service_tier": "auto", "logit_bias": {}, "min_p": 0,
}  # fmt: skip


def refuse_unsayable(chat: Document, who: str, *, says: Collection[str] = ()) -> None:
    """Refuses what would give the answer a shape that this format hasn't. `says`: what it has words for after all."""
    for name in SHAPES_ANSWER:
        if chat.get(name) and name not in says:
            raise unsupported(name, f"{who} has nothing like it")
    n = chat.get("n")
    if n is not None and a_count(n, "n", 1) > 1:
        raise unsupported("n", f"{who} gives one answer a request", "Send several requests.")
    modalities = chat.get("modalities")
    if modalities is not None and a_list(modalities, "modalities") not in ([], ["text"]):
        raise unsupported("modalities", f"{who} answers in text here")


def lose_rest(chat: Document, used: Collection[str], losses: Losses, who: str) -> None:
    """Names everything else that was asked for."""
    for name, value in chat.items():
        if value is None or name in used or name in SILENT or name in SHAPES_ANSWER:
            continue
        if name not in _DEFAULTS:
            losses.lose(
                name, "it isn't known, so it wasn't sent" if name not in _NAMED else f"{who} has nothing like it"
            )
        elif value != _DEFAULTS[name]:
            losses.lose(name, f"{who} has nothing like it")


def read_stops(chat: Document) -> list[str]:
    """`stop`, without blank ones."""
    stop = chat.get("stop")
    if stop is None:
        return []
    texts = [stop] if isinstance(stop, str) else a_list(stop, "stop")
    return [text for i, item in enumerate(texts) if (text := a_text(item, f"stop[{i}]")).strip()]


def read_max_tokens(chat: Document) -> int | None:
    """The limit of the answer under either of its names."""
    for name in ("max_completion_tokens", "max_tokens"):
        if chat.get(name) is not None:
            return a_count(chat[name], name, 1)
    return None


_NAMED: Final = frozenset({"prediction", "reasoning_effort", "response_format", "seed", "thinking", "top_k"})
