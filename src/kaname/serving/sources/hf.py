"""`hf:owner/repository/file.gguf[@revision]`: a plain HTTPS download that resumes where it stopped.

Large files of the hub carry their sha256 in the header `X-Linked-Etag`; it is checked when the server sends it, beside
the caller's own digest. No client library: one GET with `Range`.
"""

import email.message
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO

from kaname.kernel.errors import InvalidInputError
from kaname.serving.files import hash_file
from kaname.serving.model import FetchedFile, ModelRequest
from kaname.serving.problems import digest_mismatch, download_failed
from kaname.serving.sources.port import PullWatch

_LOCATOR = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)/(?P<file>[^@]+\.gguf)(?:@(?P<revision>[\w./-]+))?")
_CHUNK = 1 << 18
_TIMEOUT_S = 30.0


class HuggingFaceSource:
    """Downloads one file of a hub repository."""

    def __init__(self, endpoint: str, token: str = "") -> None:
        self._endpoint = endpoint.rstrip("/")
        self._token = token

    def fetch(self, request: ModelRequest, staging: Path, watch: PullWatch) -> FetchedFile:
        url, target = self._url(request.locator), staging / "weights.gguf"
        try:
            linked_digest = self._download(url, target, watch)
        except urllib.error.HTTPError as e:
            reason = f"the server answered {e.code}"
            if e.code in (401, 403):
                reason += "; gated files need KANAME_MODELS_HF_TOKEN"
            raise download_failed(request.reference, reason) from e
        except (OSError, http.client.HTTPException) as e:
            raise download_failed(request.reference, str(e) or type(e).__name__) from e
        size = target.stat().st_size
        digest = hash_file(target, lambda done: watch.report("verify", done, size))
        if linked_digest and digest != linked_digest:
            target.unlink()
            raise digest_mismatch(request.reference, linked_digest, digest)
        return FetchedFile(path=target, sha256=digest)

    def _url(self, locator: str) -> str:
        match = _LOCATOR.fullmatch(locator)
        if match is None:
            raise InvalidInputError(
                f"hf:{locator} doesn't name a file",
                hint="Write hf:OWNER/REPOSITORY/FILE.gguf[@REVISION].",
                param="reference",
            )
        revision = urllib.parse.quote(match["revision"] or "main", safe="/")
        return f"{self._endpoint}/{match['repository']}/resolve/{revision}/{urllib.parse.quote(match['file'])}"

    def _download(self, url: str, target: Path, watch: PullWatch) -> str:
        """Appends what is missing to the target; returns the hub's digest of the file, or ""."""
        have = target.stat().st_size if target.exists() else 0
        redirects = _RecordingRedirects(authorised=bool(self._token))
        headers = {"User-Agent": "kaname", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        opener = urllib.request.build_opener(redirects)
        try:
            response = opener.open(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S)  # noqa: S310
        except urllib.error.HTTPError as e:
            if e.code == 416 and have:  # nothing is missing
                return redirects.linked_digest or _digest_of(e.headers)
            raise
        with response:
            resumed = response.status == 206 and have > 0
            done = have if resumed else 0
            total = done + int(response.headers.get("Content-Length") or 0)
            with target.open("ab" if resumed else "wb") as file:
                while chunk := response.read(_CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    watch.report("download", done, total)
            if total and done < total:
                raise http.client.IncompleteRead(b"", total - done)
            return redirects.linked_digest or _digest_of(response.headers)


class _RecordingRedirects(urllib.request.HTTPRedirectHandler):
    """Keeps the digest that only the first answer carries, and the token away from other hosts."""

    def __init__(self, *, authorised: bool) -> None:
        self.linked_digest = ""
        self._authorised = authorised

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        self.linked_digest = self.linked_digest or _digest_of(headers)
        follow = super().redirect_request(req, fp, code, msg, headers, newurl)
        same_host = urllib.parse.urlsplit(newurl).netloc == urllib.parse.urlsplit(req.full_url).netloc
        if follow is not None and self._authorised and not same_host:
            follow.remove_header("Authorization")
        return follow


def _digest_of(headers: email.message.Message) -> str:
    etag = (headers.get("X-Linked-Etag") or "").strip('"')
    return etag if re.fullmatch(r"[0-9a-f]{64}", etag) else ""
