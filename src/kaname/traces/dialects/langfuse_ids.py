"""Ids of Langfuse's older SDKs, which aren't OpenTelemetry hex → the hex ids that its newer SDKs derive from them.

Langfuse seeds ids the same way: trace = hex(sha256(seed))[:32], observation = hex(sha256(seed))[:16].
"""

import hashlib

_HEX = frozenset("0123456789abcdef")


def to_trace_id(text: str) -> str:
    """A 32-digit trace id."""
    return _to_hex(text, 32)


def to_span_id(text: str) -> str:
    """A 16-digit span id."""
    return _to_hex(text, 16)


def _to_hex(text: str, length: int) -> str:
    lower = text.lower()
    if len(lower) == length and _HEX.issuperset(lower) and lower.strip("0"):
        return lower
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:length]
