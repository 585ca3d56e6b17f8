"""Records reach the journal without anybody waiting for it, in order, whatever the load."""

import asyncio
from pathlib import Path

from kaname.gateway.journal_sink import MAX_RECORDS, JournalSink
from kaname.gateway.model import AttemptRecord, GatewayRecord, decode_records
from kaname.storage.journal import Journal, JournalReader, JournalSettings


def record(project: str, number: int, size: int = 0) -> GatewayRecord:
    return GatewayRecord(
        project_id=project,
        request_id=f"req_{number}",
        trace_id="1" * 32,
        span_id=f"{number:016x}",
        surface="chat_completions",
        start_ns=number,
        duration_ns=1,
        status=200,
        request=b"\xff" * size,
        metadata={"鍵": "値"},
        attempts=[AttemptRecord(target="a/b", start_ns=1, duration_ns=2, upstream_status=200)],
    )


def stored(directory: Path) -> list[GatewayRecord]:
    reader = JournalReader(directory)
    records: list[GatewayRecord] = []
    while entries := reader.read_batch(1 << 20, 0.0):
        for entry in entries:
            found = decode_records(entry.payload)
            assert {r.project_id for r in found} == {entry.project_id}
            records += found
    reader.close()
    return records


def test_records_are_gathered_by_project_and_kept_in_order(tmp_path: Path) -> None:
    sent = [record(f"prj_{i % 2}", i) for i in range(3 * MAX_RECORDS)]

    async def work() -> None:
        journal = Journal(tmp_path, JournalSettings())
        journal.open()
        sink = JournalSink(journal)
        for one in sent:
            sink.put(one)
        sink.flush()
        journal.close()

    asyncio.run(work())
    found = stored(tmp_path)
    for project in ("prj_0", "prj_1"):
        assert [r for r in found if r.project_id == project] == [r for r in sent if r.project_id == project]


def test_a_lone_record_does_not_wait_for_others(tmp_path: Path) -> None:
    async def work() -> None:
        journal = Journal(tmp_path, JournalSettings())
        journal.open()
        JournalSink(journal).put(record("prj_1", 1))
        while not journal.stats().appended_entries:  # noqa: ASYNC110 - the journal tells nobody
            await asyncio.sleep(0.01)
        journal.close()

    asyncio.run(asyncio.wait_for(work(), 10))
    assert [r.request_id for r in stored(tmp_path)] == ["req_1"]


def test_a_full_journal_drops_and_counts(tmp_path: Path) -> None:
    async def work() -> JournalSink:
        journal = Journal(tmp_path, JournalSettings(soon_max_bytes=10_000, soon_interval_s=60))
        journal.open()
        sink = JournalSink(journal)
        for i in range(4):
            sink.put(record("prj_1", i, size=4000))
            sink.flush()
        journal.close()
        return sink

    sink = asyncio.run(work())
    assert sink.dropped == 2
    assert len(stored(tmp_path)) == 2
