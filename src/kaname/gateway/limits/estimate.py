"""What a call may take before it runs: tokens from the size of its body, output from `max_tokens` or experience.

Deliberately no tokenizer: it costs milliseconds on a large body, and the estimate is replaced when the call is over.
"""

from collections.abc import Mapping
from typing import NamedTuple

ASCII_BYTES_PER_TOKEN = 4
OTHER_BYTES_PER_TOKEN = 3
TOKENS_PER_MEDIUM = 1_500
"""An image or a sound inside a body: its base64 says nothing about its tokens."""
DEFAULT_OUTPUT_TOKENS = 512
MAX_OUTPUT_TOKENS = 10_000_000
_MEDIA_FROM_BYTES = 8_192
_ASCII = bytes(range(128))
_BASE64 = b";base64,"
_DATA_FIELDS = (b'"data":"', b'"data": "')
_ALPHA = 0.1
_MAX_MODELS = 4_096


def estimate_input_tokens(body: bytes) -> int:
    """Tokens of a request body: a quarter of its bytes, a third where most of them aren't ASCII."""
    media = 0
    size = len(body)
    if size > _MEDIA_FROM_BYTES:
        hidden, media = _media(body)
        size -= hidden
    if body.isascii():
        return size // ASCII_BYTES_PER_TOKEN + 1 + media * TOKENS_PER_MEDIUM
    others = len(body.translate(None, _ASCII))
    per_token = OTHER_BYTES_PER_TOKEN if others * 2 > size else ASCII_BYTES_PER_TOKEN
    return size // per_token + 1 + media * TOKENS_PER_MEDIUM


def requested_output_tokens(document: Mapping[str, object]) -> int | None:
    """The most that a request lets the model write, over all its choices; None if it doesn't say."""
    for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
        value = document.get(name)
        if type(value) is int and value > 0:
            choices = document.get("n")
            many = choices if type(choices) is int and 1 <= choices <= 128 else 1
            return min(value * many, MAX_OUTPUT_TOKENS)
    return None


class OutputEwma:
    """How long a model's answers usually are: an exponentially weighted mean of their tokens, by model name."""

    __slots__ = ("_means",)

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def expect(self, model: str) -> int:
        """Tokens that the next answer will probably have."""
        mean = self._means.get(model)
        return DEFAULT_OUTPUT_TOKENS if mean is None else int(mean) + 1

    def learn(self, model: str, output_tokens: int) -> None:
        """Takes an answer into account."""
        mean = self._means.get(model)
        if mean is None:
            if len(self._means) >= _MAX_MODELS:  # names come from clients
                self._means.clear()
            mean = float(output_tokens)
        self._means[model] = mean + _ALPHA * (output_tokens - mean)


class _Media(NamedTuple):
    hidden_bytes: int
    pieces: int


def _media(body: bytes) -> _Media:
    """Bytes of base64 content in a JSON body, and how many pieces there are."""
    hidden = count = 0
    for marker in (_BASE64, *_DATA_FIELDS):
        at = body.find(marker)
        while at >= 0:
            end = body.find(b'"', at + len(marker))
            if end < 0:
                break
            if end - at > 1_024:
                hidden, count = hidden + end - at, count + 1
            at = body.find(marker, end)
    return _Media(hidden, count)
