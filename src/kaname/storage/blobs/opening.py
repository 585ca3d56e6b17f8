"""Opens the blob store that the settings name."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from kaname.kernel.errors import ConfigurationError
from kaname.storage.blobs.disk import DiskBlobStore
from kaname.storage.blobs.ports import BlobStore
from kaname.storage.blobs.s3 import S3BlobStore
from kaname.storage.blobs.settings import BlobsSettings


def open_blobs(settings: BlobsSettings, data_dir: Path) -> BlobStore:
    """A folder or a bucket; raises ConfigurationError for any other URL."""
    if not settings.url:
        return DiskBlobStore(data_dir / "blobs")
    parts = urlsplit(settings.url)
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return DiskBlobStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return S3BlobStore(parts.netloc, parts.path, settings)
    raise ConfigurationError(
        f"blobs.url {settings.url!r} isn't a store that Kaname knows", hint="Use file:///folder or s3://bucket/prefix."
    )
