"""The built browser UI: files from `kaname/static`, the start page for every other path, compressed once in memory.

Deliberately small: a fixed set of files is read at start, so no request ever touches a path on disk.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STATIC_FOLDER = Path(__file__).resolve().parent.parent / "static"
_COMPRESSIBLE = (".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt")
_NOT_BUILT = b"""<!doctype html><meta charset="utf-8"><title>Kaname</title>
<p>The browser UI isn't built in this checkout. Run <code>./dev demo</code>, or use the API at
<a href="/api/openapi.json">/api/openapi.json</a>.</p>"""

SECURITY_HEADERS = [
    (
        b"content-security-policy",
        (
            b"default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
            b"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    plain: bytes
    compressed: bytes | None
    content_type: bytes
    etag: bytes
    immutable: bool


class StaticFiles:
    """ASGI app of the UI. `/assets/*` carry content hashes in their names and are cached for good."""

    def __init__(self, folder: Path = STATIC_FOLDER) -> None:
        self._files = {f"/{p.relative_to(folder).as_posix()}": _read(p) for p in _walk(folder)}
        self._page = self._files.get("/index.html") or _make(_NOT_BUILT, ".html", immutable=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            await _send_empty(send, 405)
            return
        file = self._files.get(path)
        if file is None:
            if path.startswith("/assets/"):
                await _send_empty(send, 404)
                return
            file = self._page
        await _send_file(scope, send, file)


def _walk(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")] if folder.exists() else []


def _read(path: Path) -> _File:
    return _make(path.read_bytes(), path.suffix, immutable=path.parent.name == "assets")


def _make(content: bytes, suffix: str, *, immutable: bool) -> _File:
    content_type = mimetypes.types_map.get(suffix, "application/octet-stream")
    if content_type.startswith("text/") or suffix in (".js", ".json"):
        content_type += "; charset=utf-8"
    return _File(
        plain=content,
        compressed=gzip.compress(content, 9, mtime=0) if suffix in _COMPRESSIBLE and len(content) > 512 else None,
        content_type=content_type.encode(),
        etag=b'"' + hashlib.sha256(content).hexdigest()[:32].encode() + b'"',
        immutable=immutable,
    )


async def _send_file(scope: Scope, send: Send, file: _File) -> None:
    request = dict(scope["headers"])
    cache = b"public, max-age=31536000, immutable" if file.immutable else b"no-cache"
    headers = [(b"etag", file.etag), (b"cache-control", cache), (b"vary", b"accept-encoding"), *SECURITY_HEADERS]
    if request.get(b"if-none-match") == file.etag:
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    body = file.plain
    if file.compressed is not None and b"gzip" in request.get(b"accept-encoding", b""):
        body = file.compressed
        headers.append((b"content-encoding", b"gzip"))
    headers += [(b"content-type", file.content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _send_empty(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
