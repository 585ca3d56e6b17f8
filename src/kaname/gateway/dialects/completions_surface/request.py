"""OpenAI completions request → hub request: the prompt becomes the one message of a user.

Refused is what a chat can't do: several prompts, prompts of token numbers, filling in before a `suffix`, and log
probabilities, whose shape here has positions in the text. Left out, `max_tokens` is the target's own limit, not the 16
of OpenAI's older models, which would cut almost every answer.
"""

from typing import Final, cast

from kaname.gateway.dialects.model import Document, Encoded
from kaname.gateway.dialects.reading import Losses, a_count, a_flag, a_number, a_text, invalid, unsupported

_NUMBERS: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_PASSED: Final = (
    "logit_bias", "n", "prompt_cache_key", "safety_identifier", "seed", "service_tier", "stop", "top_k",
    "user",
)  # fmt: skip
_USED: Final = frozenset(
    {"best_of", "echo", "logprobs", "max_tokens", "metadata", "model", "prompt", "stream", "stream_options", "suffix"}
)


def decode_request(document: Document) -> Encoded:
    """See `SurfaceCodec.decode_request`."""
    losses = Losses()
    _refuse_unsayable(document)
    chat: Document = {
        "model": document.get("model"),
        "messages": [{"role": "user", "content": prompt_of(document)}],
    }
    if document.get("max_tokens") is not None:
        chat["max_completion_tokens"] = a_count(document["max_tokens"], "max_tokens", 1)
    for name in _NUMBERS:
        if document.get(name) is not None:
            chat[name] = a_number(document[name], name)
    for name in _PASSED:
        if document.get(name) is not None:
            chat[name] = document[name]
    if a_flag(document.get("stream"), "stream"):
        chat["stream"] = True
        chat["stream_options"] = {"include_usage": True}
    _lose_rest(document, losses)
    return Encoded(chat, losses.warnings)


def prompt_of(document: Document) -> str:
    """The one prompt of a request."""
    prompt = document.get("prompt")
    if isinstance(prompt, list):
        prompts = cast("list[object]", prompt)
        if any(isinstance(item, (int, list)) for item in prompts):
            raise unsupported("prompt", "other models have other tokens", "Send the text.")
        if len(prompts) != 1:
            raise unsupported("prompt", f"it takes one prompt, not {len(prompts)}", "Send several requests.")
        return _a_prompt(prompts[0], "prompt[0]")
    return _a_prompt(prompt, "prompt")


def echo_of(document: Document) -> str:
    """What stands before the answers of a request that was accepted; "" unless it asks for `echo`."""
    return prompt_of(document) if a_flag(document.get("echo"), "echo") else ""


def _a_prompt(value: object, param: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(param, value, "a text")
    return value


def _refuse_unsayable(document: Document) -> None:
    suffix, logprobs = document.get("suffix"), document.get("logprobs")
    if suffix is not None and a_text(suffix, "suffix"):
        raise unsupported("suffix", "it answers a prompt, and can't fill in what stands before a text")
    if logprobs is not None and logprobs is not False:  # 0 asks for those of the chosen tokens
        raise unsupported("logprobs", "log probabilities aren't translated")


def _lose_rest(document: Document, losses: Losses) -> None:
    a_flag(document.get("echo"), "echo")
    best_of = document.get("best_of")
    if best_of is not None and a_count(best_of, "best_of", 1) > 1:
        losses.lose("best_of", "answers aren't compared; what comes first is given")
    for name, value in document.items():
        if value is not None and name not in _USED and name not in _PASSED and name not in _NUMBERS:
            losses.lose(name, "it isn't known, so it wasn't sent")
