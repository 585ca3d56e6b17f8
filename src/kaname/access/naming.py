"""Checks of what people type in: names, e-mail addresses, expiry times."""

import unicodedata
from datetime import UTC, datetime

from kaname.kernel.errors import InvalidInputError

MAX_NAME_LENGTH = 200
MAX_EMAIL_LENGTH = 320
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def check_name(text: str, param: str = "name") -> str:
    """The name in NFC without outer spaces; raises InvalidInputError if empty, too long or with control characters."""
    name = unicodedata.normalize("NFC", text).strip()
    if not name or len(name) > MAX_NAME_LENGTH or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise InvalidInputError(
            f"{param} {text[:80]!r} can't be used",
            hint=f"Use 1 to {MAX_NAME_LENGTH} characters on one line.",
            param=param,
            code="name_invalid",
            params={"field": param, "value": text[:80], "limit": MAX_NAME_LENGTH},
        )
    return name


def check_email(text: str) -> str:
    """The address case-folded; raises InvalidInputError. Only its shape is checked: nothing is sent to it."""
    email = fold_email(text)
    local, at, domain = email.rpartition("@")
    unprintable = any(c.isspace() or unicodedata.category(c)[0] == "C" for c in email)
    if not (local and at and domain) or len(email) > MAX_EMAIL_LENGTH or unprintable:
        raise InvalidInputError(
            f"{text[:80]!r} isn't an e-mail address",
            hint="Write it as name@example.com.",
            param="email",
            code="email_invalid",
            params={"value": text[:80]},
        )
    return email


def fold_email(text: str) -> str:
    """The one spelling under which an address is stored and looked up."""
    return unicodedata.normalize("NFKC", text[: 2 * MAX_EMAIL_LENGTH]).strip().casefold()


def check_future(at: datetime | None, now: datetime) -> None:
    """Raises InvalidInputError for an expiry that has no zone, is past already, or lies beyond what UTC can express."""
    if at is not None and (at.tzinfo is None or at <= now or at > _LATEST):
        raise InvalidInputError(
            f"expires_at {at.isoformat()!r} isn't a future time with a zone",
            hint="Use ISO 8601 with a zone, such as 2030-01-31T00:00:00Z.",
            param="expires_at",
            code="expiry_invalid",
            params={"value": at.isoformat()},
        )
