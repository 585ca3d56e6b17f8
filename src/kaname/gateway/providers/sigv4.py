"""AWS Signature Version 4: an `Authorization` header for one request.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html. A path is signed encoded once more
than it is sent, which is how every service but S3 wants it.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from kaname.gateway.providers.model import HeaderLines

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class AwsCredentials(NamedTuple):
    """An access key. `session` is "" for one that lasts."""

    key_id: str
    secret: str
    session: str = ""


class SigningScope(NamedTuple):
    """What a signature is good for."""

    region: str
    service: str


def sign(
    request: tuple[str, str, str, str],
    headers: Iterable[tuple[str, str]],
    body: bytes,
    credentials: AwsCredentials,
    scope: SigningScope,
    at: datetime,
) -> HeaderLines:
    """Header lines to send besides `headers`, which are signed too. `request`: method, host, path, query; `at`: UTC."""
    method, host, path, query = request
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    added = [("x-amz-date", stamp)]
    if credentials.session:
        added.append(("x-amz-security-token", credentials.session))
    signed = sorted((name.lower(), " ".join(value.split())) for name, value in [("host", host), *headers, *added])
    names = ";".join(name for name, _ in signed)
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            "&".join(sorted(query.split("&"))) if query else "",
            *(f"{name}:{value}" for name, value in signed),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    where = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{stamp}\n{where}\n{hashed}".encode()
    signature = hmac.digest(_signing_key(credentials.secret, stamp[:8], scope), to_sign, "sha256").hex()
    credential = f"Credential={credentials.key_id}/{where}"
    return [*added, ("authorization", f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}")]


def _signing_key(secret: str, day: str, scope: SigningScope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
