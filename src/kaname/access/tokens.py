"""The form of every secret that Kaname hands out, and what it keeps of it.

    kn-pk-<20>          public id of a project API key: safe in logs and settings
    kn-sk-<20>-<40>     its secret key; the first part is the public id again, so the secret key alone is enough
    kn-pt-<20>-<40>     personal token, built alike

The parts are base32 (96 and 200 random bits). Only SHA-256 of the whole text is stored: 200 bits can't be guessed, so a
slow hash would buy nothing, and the check stays under a microsecond. Sessions, invites and set-up links are the last
40 characters alone.
"""

import hashlib
import hmac
from typing import Literal, NamedTuple

from kaname.kernel.ids import random_token

TokenPrefix = Literal["kn-sk-", "kn-pt-"]
PUBLIC_PREFIX = "kn-pk-"
SECRET_PREFIX: TokenPrefix = "kn-sk-"  # noqa: S105 - a prefix, not a secret
PERSONAL_PREFIX: TokenPrefix = "kn-pt-"
PUBLIC_LENGTH = 20
SECRET_LENGTH = 40
TOKEN_LENGTH = 6 + PUBLIC_LENGTH + 1 + SECRET_LENGTH
_PUBLIC_BYTES = 12
_SECRET_BYTES = 25


class IssuedToken(NamedTuple):
    """A new token: the public part and hash to keep, the whole text to show once."""

    public_part: str
    text: str
    digest: str


def issue_token(prefix: TokenPrefix) -> IssuedToken:
    """Makes a secret key or personal token."""
    public_part = random_token(_PUBLIC_BYTES)
    text = f"{prefix}{public_part}-{random_token(_SECRET_BYTES)}"
    return IssuedToken(public_part, text, digest_of(text))


def issue_secret() -> tuple[str, str]:
    """Makes a secret without a public part (sessions, invites, set-up links): (text, digest)."""
    text = random_token(_SECRET_BYTES)
    return text, digest_of(text)


def digest_of(text: str) -> str:
    """What is stored of a secret: SHA-256 in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def public_part_of(text: str, prefix: TokenPrefix) -> str | None:
    """The public part of a well-formed token of this prefix, None for anything else."""
    if len(text) != TOKEN_LENGTH or not text.startswith(prefix) or text[6 + PUBLIC_LENGTH] != "-":
        return None
    return text[6 : 6 + PUBLIC_LENGTH]


def matches_digest(text: str, digest: str) -> bool:
    """Whether the text is the secret of this digest, in time that doesn't depend on where they differ."""
    return hmac.compare_digest(digest_of(text), digest)
