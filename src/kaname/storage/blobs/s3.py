"""Blobs in an S3-compatible bucket: `prefix/ab/cd/abcd…`, through `obstore` (extra `s3`)."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kaname.kernel.errors import ConfigurationError, UnavailableError
from kaname.storage.blobs.ports import check_digest, digest_of, no_such_blob, verified
from kaname.storage.blobs.settings import BlobsSettings

if TYPE_CHECKING:
    pass

_TIMEOUT = timedelta(seconds=60)


class S3BlobStore:
    """A bucket of blobs. Implements `BlobStore`."""

    def __init__(self, bucket: str, prefix: str, settings: BlobsSettings) -> None:
        try:
            import obstore  # noqa: PLC0415 - optional: extra `s3`
            from obstore.exceptions import BaseError  # noqa: PLC0415
            from obstore.store import S3Store  # noqa: PLC0415
        except ModuleNotFoundError as e:
            raise ConfigurationError(
                "blobs.url names S3, but its driver isn't installed", hint="pip install 'kaname[s3]'"
            ) from e
        self._obstore = obstore
        self._failure = BaseError
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._store: S3Store = S3Store(
            bucket,
            config=_config(settings),
            client_options={"allow_http": settings.s3_endpoint.startswith("http://"), "timeout": _TIMEOUT},
            retry_config={"max_retries": max(0, settings.s3_attempts - 1), "retry_timeout": _TIMEOUT},
        )

    def put(self, content: bytes) -> str:
        digest = digest_of(content)
        with self._translated():
            self._obstore.put(self._store, self._key(digest), content)
        return digest

    def get(self, digest: str) -> bytes:
        key = self._key(digest)
        with self._translated():
            try:
                content = bytes(self._obstore.get(self._store, key).bytes())
            except FileNotFoundError:
                raise no_such_blob(digest) from None
        return verified(content, digest)

    def exists(self, digest: str) -> bool:
        key = self._key(digest)
        with self._translated():
            try:
                self._obstore.head(self._store, key)
            except FileNotFoundError:
                return False
        return True

    def delete(self, digest: str) -> bool:
        if not self.exists(digest):
            return False
        with self._translated():
            self._obstore.delete(self._store, self._key(digest))
        return True

    def _key(self, digest: str) -> str:
        check_digest(digest)
        return f"{self._prefix}{digest[:2]}/{digest[2:4]}/{digest}"

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except self._failure as e:
            reason = str(e).partition("\n")[0][:300]
            raise UnavailableError(
                f"the blob store doesn't answer as it should: {reason}",
                hint="Check the settings blobs.url and blobs.s3_….",
                retry_after_s=5,
            ) from e


def _config(settings: BlobsSettings) -> Any:
    config: dict[str, str] = {"region": settings.s3_region}
    if settings.s3_endpoint:
        config["endpoint"] = settings.s3_endpoint
    if settings.s3_access_key_id:
        config |= {
            "access_key_id": settings.s3_access_key_id,
            "secret_access_key": settings.s3_secret_access_key,
        }
    return config
