"""A batch belongs to one process at a time, on both SQL engines; expiry; erasure."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kaname.gateway.batches.batch_store import BatchStore
from kaname.gateway.batches.content import PART_BYTES, FileContent
from kaname.gateway.batches.erasure import FileBytes
from kaname.gateway.batches.file_store import FileStore
from kaname.gateway.batches.lease_store import LEASE_S, LeaseLostError, LeaseStore
from kaname.gateway.batches.model import Batch, ItemResult, Owner
from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import NotFoundError
from kaname.storage.blobs.disk import DiskBlobStore
from kaname.storage.sql.database import Database

OWNER = Owner("prj_1", "org_1", "key_1", "tests")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def batches(database: Database, clock: ManualClock) -> BatchStore:
    return BatchStore(database, clock)


def create(batches: BatchStore) -> Batch:
    return batches.create(OWNER, "/v1/chat/completions", "file_1", "24h", timedelta(days=1), None)


def test_only_one_process_has_it(database: Database, batches: BatchStore, clock: ManualClock) -> None:
    batch = create(batches)
    one, two = LeaseStore(database, clock, "one"), LeaseStore(database, clock, "two")
    assert [b.id for b in one.claim(4)] == [batch.id]
    assert two.claim(4) == []
    clock.advance(LEASE_S - 1)
    one.beat(batch.id)
    clock.advance(LEASE_S - 1)
    assert two.claim(4) == []
    clock.advance(2)
    assert [b.id for b in two.claim(4)] == [batch.id]
    with pytest.raises(LeaseLostError):
        one.beat(batch.id)
    with pytest.raises(LeaseLostError):
        one.add_results(batch, [ItemResult(1, "a", True, b"{}")])
    with pytest.raises(LeaseLostError):
        one.finish(batch.id, "completed", None, None)
    two.release(batch.id)
    assert [b.id for b in one.claim(4)] == [batch.id]


def test_results_count_once(database: Database, batches: BatchStore, clock: ManualClock) -> None:
    batch = create(batches)
    leases = LeaseStore(database, clock, "one")
    leases.claim(1)
    leases.begin(batch.id, 3)
    results = [ItemResult(2, "b", True, b"{2}"), ItemResult(1, "a", True, b"{1}"), ItemResult(3, "c", False, b"{3}")]
    leases.add_results(batch, results)
    leases.add_results(batch, results[:2])
    assert leases.done(batch.id) == {1, 2, 3}
    assert list(leases.result_lines(batch.id, succeeded=True)) == [b"{1}\n", b"{2}\n"]
    leases.begin_finalizing(batch.id)
    leases.finish(batch.id, "completed", None, None)
    over = batches.get("prj_1", batch.id)
    assert (over.status, over.completed, over.failed) == ("completed", 2, 1)
    assert leases.done(batch.id) == set()
    assert leases.claim(4) == []
    with pytest.raises(NotFoundError):
        batches.get("prj_2", batch.id)


def test_files_are_read_by_line_over_parts_and_erased(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    files = FileStore(database, FileContent(DiskBlobStore(tmp_path)), clock)
    lines = [b"x" * 999_999] * 9 + [b"end"]
    parts, size = files.content.put_all(line + b"\n" for line in lines)
    assert (len(parts), size) == (2, 9_000_004)
    assert size > PART_BYTES
    files.add(files.describe("prj_1", "batch", "a", parts, size))
    assert list(files.content.lines(parts)) == lines
    again, _ = files.content.put_all([b"same"])
    other, _ = files.content.put_all([b"same"])
    assert set(again).isdisjoint(other)
    eraser = FileBytes(files)
    assert eraser.count("prj_1") == {"gateway_file_contents": 1}
    assert eraser.erase("prj_1")
    with pytest.raises(NotFoundError):
        files.content.get(parts[0])
    assert not eraser.erase("prj_2")
