"""`Idempotency-Key`: the same key and body get the first answer again, whoever lost it on the way.

A key belongs to the API key that sent it, and to one surface. It is remembered for `KEEP_S` once its call succeeded;
a call that failed may be repeated under the same key, since nothing was answered. Another body under a known key is
refused. Semantics: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from hashlib import sha256

from kaname.gateway.cache.key import frame_of
from kaname.gateway.cache.model import Digest, Key
from kaname.gateway.model import GatewayRecord
from kaname.kernel.errors import InvalidInputError, UnprocessableError

HEADER = b"idempotency-key"
KEEP_S = 86_400.0
MAX_CHARS = 255


def idempotency_key(record: GatewayRecord, sent: bytes) -> Key:
    """The key under which the answer is kept; raises InvalidInputError for one that can't be used."""
    if not 0 < len(sent) <= MAX_CHARS or not sent.isascii() or not sent.decode().isprintable():
        raise InvalidInputError(
            f"header idempotency-key isn't 1 to {MAX_CHARS} printable ASCII characters", hint="Send a UUID.",
            param="idempotency-key",
        )  # fmt: skip
    return sha256(frame_of("idempotency", record.project_id, record.key_id, record.surface, sent.decode())).digest()


def body_digest(body: bytes) -> Digest:
    """What must be equal when the key is."""
    return sha256(body).digest()


def reused() -> UnprocessableError:
    """The key came with another body before."""
    return UnprocessableError(
        "this idempotency key was used with another request body", hint="Send a new key with a new request.",
        code="idempotency_key_reused", param="idempotency-key",
    )  # fmt: skip
