"""Disk and S3 blob stores against the contract, and what only one of them can do."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaname.kernel.errors import ConfigurationError, IntegrityError, UnavailableError
from kaname.storage.blobs.disk import DiskBlobStore
from kaname.storage.blobs.opening import open_blobs
from kaname.storage.blobs.ports import BlobStore
from kaname.storage.blobs.settings import BlobsSettings
from kaname.testing.blobs import BlobStoreContract


@pytest.fixture(scope="session")
def s3_settings() -> Iterator[BlobsSettings]:
    moto_server = pytest.importorskip("moto.server", reason="moto isn't installed")
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("obstore", reason="extra s3 isn't installed")
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket="kaname-test")
    yield BlobsSettings(
        url="s3://kaname-test/some/prefix", s3_endpoint=endpoint, s3_access_key_id="key", s3_secret_access_key="secret"
    )
    server.stop()


class TestDisk(BlobStoreContract):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> BlobStore:
        return DiskBlobStore(tmp_path)

    def test_damage_is_found_and_mended_by_storing_again(self, tmp_path: Path) -> None:
        blobs = DiskBlobStore(tmp_path)
        digest = blobs.put(b"precious")
        path = tmp_path / digest[:2] / digest[2:4] / digest
        path.write_bytes(b"Precious")
        with pytest.raises(IntegrityError):
            blobs.get(digest)
        blobs.put(b"precious")
        assert blobs.get(digest) == b"precious"

    def test_nothing_is_left_behind(self, tmp_path: Path) -> None:
        blobs = DiskBlobStore(tmp_path)
        blobs.put(b"a")
        assert list((tmp_path / "temporary").iterdir()) == []

    def test_remains_of_a_crash_are_removed(self, tmp_path: Path) -> None:
        folder = tmp_path / "temporary"
        folder.mkdir()
        old, new = folder / "old", folder / "new"
        old.write_bytes(b"half")
        new.write_bytes(b"half")
        os.utime(old, (time.time() - 7200,) * 2)
        DiskBlobStore(tmp_path)
        assert list(folder.iterdir()) == [new]


class TestS3(BlobStoreContract):
    @pytest.fixture
    def blobs(self, s3_settings: BlobsSettings, tmp_path: Path) -> BlobStore:
        return open_blobs(s3_settings, tmp_path)


def test_an_absent_s3_store_is_unavailable(tmp_path: Path) -> None:
    pytest.importorskip("obstore", reason="extra s3 isn't installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    settings = BlobsSettings(
        url="s3://none", s3_endpoint=endpoint, s3_access_key_id="k", s3_secret_access_key="s", s3_attempts=1
    )
    with pytest.raises(UnavailableError):
        open_blobs(settings, tmp_path).put(b"x")


def test_the_default_is_a_folder_in_the_data_directory(tmp_path: Path) -> None:
    open_blobs(BlobsSettings(), tmp_path).put(b"x")
    assert (tmp_path / "blobs").is_dir()


def test_a_file_url(tmp_path: Path) -> None:
    open_blobs(BlobsSettings(url=(tmp_path / "elsewhere").as_uri()), tmp_path).put(b"x")
    assert (tmp_path / "elsewhere").is_dir()


@pytest.mark.parametrize("url", ["gs://bucket", "s3://", "/folder", "file://host/folder"])
def test_unknown_urls_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        open_blobs(BlobsSettings(url=url), tmp_path)
