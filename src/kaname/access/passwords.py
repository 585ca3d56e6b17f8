"""Passwords: argon2id, a least length, and a check that takes as long for accounts that don't exist."""

import threading
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from kaname.kernel.errors import InvalidInputError, UnavailableError

MIN_LENGTH = 10
MAX_LENGTH = 512
# OWASP's second recommendation (19 MiB, 2 passes, 1 lane): 20 ms on a slow core.
_MEMORY_KIB = 19 * 1024
_PASSES = 2
_AT_ONCE = 4
_WAIT_S = 10.0


class Passwords:
    """Hashes and checks. At most four at once: each takes 19 MiB, and strangers can ask for it."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1, type=Type.ID)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """The text to store."""
        with _Slot(self._slots):
            return self._hasher.hash(_normalised(password))

    def is_right(self, password: str, stored: str | None) -> bool:
        """Whether the password fits. `stored` None (no such account) takes the same time and is never right."""
        with _Slot(self._slots):
            try:
                right = self._hasher.verify(stored or self._nobody, _normalised(password))
            except (VerificationError, InvalidHashError):
                return False
        return right and stored is not None

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("no account has this password")


class _Slot:
    def __init__(self, slots: threading.BoundedSemaphore) -> None:
        self._slots = slots

    def __enter__(self) -> None:
        if not self._slots.acquire(timeout=_WAIT_S):
            raise UnavailableError(
                "too many logins at once", hint="Try again.", retry_after_s=5, code="too_many_logins"
            )

    def __exit__(self, *_: object) -> None:
        self._slots.release()


def check_password(password: str, *, email: str) -> None:
    """Raises InvalidInputError for a password that is too short, too long or the account's own address."""
    if len(password) < MIN_LENGTH:
        fault = f"has {len(password)} characters"
    elif len(password) > MAX_LENGTH:
        fault = "is too long"
    elif len(set(password)) < 4 or password.casefold() in (email, email.partition("@")[0]):
        fault = "is easily guessed"
    else:
        return
    raise InvalidInputError(
        f"the password {fault}",
        hint=f"Use {MIN_LENGTH} to {MAX_LENGTH} characters: a sentence is fine.",
        code="password_refused",
        param="password",
        params={"least": MIN_LENGTH, "most": MAX_LENGTH},
    )


def _normalised(password: str) -> bytes:
    # Keyboards differ in how they compose é or が; NFKC makes them one (RFC 8265). The cut is a guard against huge
    # logins: `check_password` refuses longer passwords.
    return unicodedata.normalize("NFKC", password[:MAX_LENGTH]).encode("utf-8", "surrogatepass")
