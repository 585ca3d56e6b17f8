"""What every blob store must do. Subclass it in a test module with a fixture `blobs`."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from kaname.kernel.errors import InvalidInputError, NotFoundError
from kaname.storage.blobs.ports import BlobStore

_ABSENT = "0" * 64


class BlobStoreContract:
    """The contract of `BlobStore`."""

    def test_bytes_come_back(self, blobs: BlobStore) -> None:
        for content in (b"", b"\x00", b"kaname", bytes(range(256)) * 4096):
            digest = blobs.put(content)
            assert digest == hashlib.sha256(content).hexdigest()
            assert blobs.get(digest) == content
            assert blobs.exists(digest)

    def test_storing_twice_is_storing_once(self, blobs: BlobStore) -> None:
        digest = blobs.put(b"again")
        assert blobs.put(b"again") == digest
        assert blobs.delete(digest)
        assert not blobs.exists(digest)

    def test_absent_blobs(self, blobs: BlobStore) -> None:
        assert not blobs.exists(_ABSENT)
        assert not blobs.delete(_ABSENT)
        with pytest.raises(NotFoundError):
            blobs.get(_ABSENT)

    def test_a_deleted_blob_can_be_stored_again(self, blobs: BlobStore) -> None:
        digest = blobs.put(b"back")
        assert blobs.delete(digest)
        assert not blobs.delete(digest)
        assert blobs.put(b"back") == digest
        assert blobs.get(digest) == b"back"

    @pytest.mark.parametrize("digest", ["", "abc", "../../etc/passwd", "A" * 64, "0" * 63 + "\n", "0" * 65])
    def test_forged_digests_never_become_paths(self, blobs: BlobStore, digest: str) -> None:
        for act in (blobs.get, blobs.exists, blobs.delete):
            with pytest.raises(InvalidInputError):
                act(digest)

    def test_many_writers_of_the_same_bytes(self, blobs: BlobStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            digests = set(pool.map(blobs.put, [b"shared" * 10_000] * 16))
        assert len(digests) == 1
        assert blobs.get(digests.pop()) == b"shared" * 10_000
