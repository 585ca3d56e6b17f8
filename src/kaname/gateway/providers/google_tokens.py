"""Access tokens for a Google service account: a JWT signed with its key buys one for an hour.

The token endpoint is always Google's own, whatever the account's file says; tokens are kept by credential and renewed
before they end, by one request at a time. Source: https://developers.google.com/identity/protocols/oauth2/service-account.
"""

import asyncio
import base64
import hashlib
import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import urlencode

import orjson

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import text_in
from kaname.gateway.providers.model import HeaderLines, OutgoingRequest, TokenFetch, bearer
from kaname.kernel.errors import UpstreamError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ENDPOINT_HOST: Final = "oauth2.googleapis.com"
ENDPOINT_PATH: Final = "/token"
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S: Final = 3600
_RENEWED_BEFORE_S: Final = 300


class ServiceAccount(NamedTuple):
    """What a key file says."""

    email: str
    key: "RSAPrivateKey"
    key_id: str


class _Token(NamedTuple):
    text: str
    renew_at: float
    """Monotonic seconds."""


def read_service_account(secret: str) -> ServiceAccount:
    """Raises ValueError, which doesn't show the key, when it isn't a service account's JSON."""
    # Only who calls Google pays for this import, a tenth of a gateway's start.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        document: object = orjson.loads(secret)
    except orjson.JSONDecodeError:
        raise ValueError("it isn't the JSON of a service account") from None
    account = cast("Document", document) if isinstance(document, dict) else {}
    email, pem = text_in(account, "client_email"), text_in(account, "private_key")
    if not email or not pem:
        raise ValueError("the JSON has no `client_email` or no `private_key`")
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("its `private_key` isn't an RSA key")
    return ServiceAccount(email, key, text_in(account, "private_key_id"))


def signed_assertion(account: ServiceAccount, now: int) -> str:
    """The JWT (RS256) that asks for a token. `now`: Unix seconds."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    header = {"alg": "RS256", "typ": "JWT", **({"kid": account.key_id} if account.key_id else {})}
    claims = {
        "iss": account.email, "scope": _SCOPE, "aud": f"https://{ENDPOINT_HOST}{ENDPOINT_PATH}", "iat": now,
        "exp": now + _LIFETIME_S,
    }  # fmt: skip
    signed = f"{_encode(orjson.dumps(header))}.{_encode(orjson.dumps(claims))}"
    return f"{signed}.{_encode(account.key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


class GoogleTokens:
    """See `Signer`. Belongs to one event loop."""

    def __init__(self, fetch: TokenFetch) -> None:
        self._fetch = fetch
        self._tokens: dict[bytes, _Token] = {}
        self._asking: dict[bytes, asyncio.Task[_Token]] = {}

    async def headers(self, request: OutgoingRequest, secret: str, options: object) -> HeaderLines:
        """See `Signer`."""
        name = hashlib.sha256(secret.encode()).digest()
        token = self._tokens.get(name)
        if token is None or time.monotonic() >= token.renew_at:
            token = await self._renewed(name, secret)
        return bearer(token.text)

    async def _renewed(self, name: bytes, secret: str) -> _Token:
        """All who need the same token wait for one request, which none of them cancels by leaving."""
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.get_running_loop().create_task(self._ask(name, secret))
        return await asyncio.shield(task)

    async def _ask(self, name: bytes, secret: str) -> _Token:
        try:
            try:
                account = read_service_account(secret)
            except ValueError as e:
                raise _refused(str(e)) from e
            assertion = signed_assertion(account, int(time.time()))
            form = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
            asked_at = time.monotonic()
            answer = await self._fetch(ENDPOINT_HOST, ENDPOINT_PATH, form)
            token = self._tokens[name] = _read_token(answer.status, answer.body, asked_at)
            return token
        finally:
            del self._asking[name]


def _read_token(status: int, body: bytes, asked_at: float) -> _Token:
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    answer = cast("Document", document) if isinstance(document, dict) else {}
    if 400 <= status < 500:
        raise _refused(text_in(answer, "error")[:100] or f"status {status}")
    token, lifetime = text_in(answer, "access_token"), answer.get("expires_in")
    if status != 200 or not token or not token.isascii() or not token.isprintable():
        raise UpstreamError(f"{ENDPOINT_HOST} gave no token (status {status})", code="upstream_invalid_response")
    lifetime_s = lifetime if isinstance(lifetime, int) and lifetime > 0 else _LIFETIME_S
    return _Token(token, asked_at + max(lifetime_s - _RENEWED_BEFORE_S, lifetime_s / 2))


def _refused(why: str) -> UpstreamError:
    return UpstreamError(
        f"Google gave no token for the service account: {why}", code="upstream_credentials_exhausted",
        hint="Check the provider's key.",
    )  # fmt: skip


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
