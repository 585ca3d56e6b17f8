"""Identifiers: `prefix_` + UUIDv7 (RFC 9562) in Crockford base32: they sort by creation time and name their kind."""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BODY_LENGTH = 26


def new_id(prefix: str) -> str:
    """A new id such as `prj_06f7…`: 48 bits of milliseconds, 74 random bits."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (millis & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 68) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return f"{prefix}_{_encode(value)}"


def is_id(prefix: str, text: str) -> bool:
    """Whether the text has the form of an id with this prefix (it may still not exist)."""
    head, _, body = text.partition("_")
    return head == prefix and len(body) == _BODY_LENGTH and all(c in _ALPHABET for c in body)


def random_token(n_bytes: int) -> str:
    """Secret random text in base32, 1.6 characters a byte."""
    value = int.from_bytes(os.urandom(n_bytes), "big")
    length = (n_bytes * 8 + 4) // 5
    return "".join(_ALPHABET[value >> 5 * i & 31] for i in range(length))


def _encode(value: int) -> str:
    return "".join(_ALPHABET[value >> 5 * (_BODY_LENGTH - 1 - i) & 31] for i in range(_BODY_LENGTH))
